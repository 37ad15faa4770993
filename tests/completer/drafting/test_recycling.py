import numpy as np

from completer.drafting.calibration import RANKS
from completer.drafting.recycling import new_table, recall, remember


def test_the_last_candidates_of_a_token_are_recalled():
    table = new_table()
    remember(table, np.array([5, 5, 6], np.int32), np.array([[1, 2], [3, 4], [7, 8]], np.int32))
    assert table[recall(table, 6), 1:].tolist() == [3, 4] + [-1] * (RANKS - 2)
    assert recall(table, 99) == -1


def test_tokens_that_share_a_row_displace_each_other():
    table = new_table()
    first, second = 5, 5 + len(table)
    remember(table, np.array([first, second], np.int32), np.array([[1], [2]], np.int32))
    assert recall(table, first + 1) == -1
    assert table[recall(table, second + 1), 1] == 2


def test_the_table_is_small_whatever_the_vocabulary():
    assert new_table().nbytes < 2 << 20
