"""The acceptance rule, on trees small enough to follow by hand."""

from completer.engine.verify import verify


def says(*tokens):
    """A model that says these tokens, one at each depth, whatever the row."""
    return lambda row, depth: tokens[depth]


def test_without_a_draft_the_step_emits_the_models_token():
    verdict = verify([], [], says(5))

    assert verdict.emitted == [5]
    assert verdict.path == []


def test_a_right_path_is_accepted_with_a_bonus_token():
    verdict = verify([5, 6, 7], [-1, 0, 1], says(5, 6, 7, 8))

    assert verdict.emitted == [5, 6, 7, 8]
    assert verdict.path == [0, 1, 2]


def test_the_step_ends_at_the_first_token_that_no_child_carries():
    verdict = verify([5, 6, 7], [-1, 0, 1], says(5, 9, 7, 8))

    assert verdict.emitted == [5, 9]
    assert verdict.path == [0]


def test_a_tree_is_followed_down_the_right_branch():
    #        0:5          the same token may stand on several branches
    #   1:6      2:9
    #   3:7      4:7
    verdict = verify([5, 6, 9, 7, 7], [-1, 0, 0, 1, 2], says(5, 9, 7, 1))

    assert verdict.emitted == [5, 9, 7, 1]
    assert verdict.path == [0, 2, 4]


def test_the_row_asked_for_is_the_accepted_nodes():
    rows = []

    def choose(row, depth):
        rows.append(row)
        return [5, 9, 1][depth]

    verify([4, 5, 9], [-1, -1, 1], choose)

    assert rows == [0, 2, 3]
