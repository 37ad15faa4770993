"""Which arm somebody is in, as the settings file changes."""

from datetime import date

import pytest

from completer.experiments import Experiments
from completer.settings import load_settings
from tests.completer.test_experiment_settings import WHOLE

INSIDE = date(2026, 1, 20)


@pytest.fixture
def experiments(tmp_path):
    """An experiment in which everybody but `eve` takes part; `bob` is in the second arm."""
    file = tmp_path / "c.toml"
    file.write_text(WHOLE)
    draws = {"ada": (0.0, 0.0), "bob": (0.0, 0.9), "eve": None}
    return file, lambda today=INSIDE: Experiments(
        load_settings(file=file).settings, lambda experiment, who: draws[who], lambda: today
    )


def names(experiments):
    arms = [experiments.arm_of(who) for who in ("ada", "bob", "eve")]
    return [arm and arm.name for arm in arms]


def test_people_are_in_their_arms_while_it_runs(experiments):
    _, made = experiments
    assert names(made()) == ["lines/control", "lines/eager", None]
    assert names(made(date(2026, 2, 1))) == [None, None, None]


def test_a_running_process_follows_the_file(experiments):
    file, made = experiments
    running = made()
    file.write_text("")
    assert names(running) == [None, None, None]
    file.write_text(WHOLE.replace("lines", "others"))
    assert names(running) == ["others/control", "others/eager", None]


def test_what_changed_since_the_settings_were_read_counts(experiments):
    file, _ = experiments
    settings = load_settings(file=file).settings
    file.write_text(WHOLE.replace("lines", "others"))  # before anybody asks
    late = Experiments(settings, lambda experiment, who: (0.0, 0.0), lambda: INSIDE)
    assert names(late)[0] == "others/control"


def test_a_file_that_cannot_be_used_changes_nothing(experiments, caplog):
    file, made = experiments
    running = made()
    file.write_text(WHOLE + "share = 7\n")
    assert names(running) == ["lines/control", "lines/eager", None]
    assert "stays in force" in caplog.text
