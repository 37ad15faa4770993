"""Many accepts at once."""

from telemetry.survival import WINDOWS_S, Watch
from telemetry.watches import MAX_WATCHES, Watches


def watch(number):
    return Watch(number, "file:///w/a.py", "/w", "x", "", accepted_ms=number)


def test_thousands_of_accepts_are_followed_and_the_oldest_is_censored_beyond():
    watches = Watches()
    for number in range(MAX_WATCHES):
        assert watches.add(watch(number), now_ms=number) == []
    censored = watches.add(watch(MAX_WATCHES), now_ms=MAX_WATCHES)
    assert [(row.accept, row.window_s, row.state) for row in censored] == [
        (0, window_s, "censored_desync") for window_s in WINDOWS_S
    ]
    assert len(watches.censor_all(0)) == MAX_WATCHES * len(WINDOWS_S)
    assert len(watches) == 0
