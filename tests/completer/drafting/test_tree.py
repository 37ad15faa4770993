import numpy as np

from completer.drafting.tree import DraftSource, DraftTree


def tree():
    """7 -> (8 -> 9, 5)."""
    return DraftTree(
        np.array([7, 8, 9, 5], np.int32),
        np.array([-1, 0, 1, 0], np.int32),
        np.array([0.9, 0.6, 0.5, 0.2], np.float32),
        np.zeros(4, np.int8),
    )


def test_descending_stops_where_the_text_leaves_the_tree():
    assert tree().descend([7, 8, 9, 1]) == [0, 1, 2]
    assert tree().descend([7, 5, 9]) == [0, 3]
    assert tree().descend([8]) == []


def test_a_tree_can_grow_from_the_end_of_a_path():
    path = DraftTree.path(np.array([1, 2], np.int32), np.full(2, 0.5, np.float32), DraftSource.LIVE)
    grown = path.then(tree())
    assert grown.descend([1, 2, 7, 5]) == [0, 1, 2, 5]
    assert grown.probs[2] == np.float32(0.45)


def test_the_empty_tree_proposes_nothing():
    assert len(DraftTree.empty()) == 0
