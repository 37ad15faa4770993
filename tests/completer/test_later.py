"""What is made on a thread: once, and not before it is needed."""

import threading

import pytest

from completer.errors import SettingsError
from completer.later import Later


def test_it_is_made_once_and_not_before_it_is_needed():
    made = []
    later = Later(lambda: made.append(threading.current_thread()) or len(made), lambda: None)
    assert made == []
    assert [later.begin().result(5), later.begin().result(5)] == [1, 1]
    assert made[0] is not threading.current_thread()


def test_what_it_raises_is_told_and_raised_where_it_is_asked_for():
    failed = threading.Event()

    def fail():
        raise SettingsError("no")

    later = Later(fail, failed.set)
    with pytest.raises(SettingsError, match="no"):
        later.begin().result(5)
    assert failed.wait(5)
