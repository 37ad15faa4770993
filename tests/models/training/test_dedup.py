from models.training.dedup import LineFilter

ORIGINAL = "\n".join(f"def function_number_{i}(argument):" for i in range(10))


def test_a_copy_with_few_changes_is_refused():
    lines = LineFilter()
    assert lines.admits(ORIGINAL)
    assert not lines.admits(ORIGINAL.replace("number_3", "changed_3"))


def test_a_text_with_lines_of_its_own_is_admitted():
    lines = LineFilter()
    assert lines.admits(ORIGINAL)
    assert lines.admits(ORIGINAL[: len(ORIGINAL) // 3] + ORIGINAL.replace("function", "method"))


def test_a_partial_copy_of_held_out_code_is_refused_under_any_name():
    lines = LineFilter(held_out_texts=[ORIGINAL])
    fork = ORIGINAL + "\n" + ORIGINAL.replace("function", "method")
    assert not lines.admits(fork)


def test_short_lines_do_not_make_two_texts_alike():
    lines = LineFilter()
    assert lines.admits("else:\n    pass\nfirst_text_of_its_own = 1")
    assert lines.admits("else:\n    pass\nsecond_text_of_its_own = 2")
