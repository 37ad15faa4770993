"""What an experiment may be, and which arm somebody's draws lead to."""

from datetime import date

import pytest

from completer.errors import BadRequestError, SettingsError
from completer.request import Arm
from completer.request_settings import FOR_EVERYBODY, RequestSettings, in_arm
from completer.settings import Settings, load_settings

WHOLE = """[experiment]
name = "lines"
share = 0.5
start = 2026-01-05
end = 2026-01-30
[[experiment.arms]]
name = "control"
[[experiment.arms]]
name = "eager"
completion.min_acceptance = 0.2
drafting.enabled = false
"""


@pytest.fixture
def read(tmp_path):
    def load(text):
        (tmp_path / "c.toml").write_text(text)
        return load_settings(file=tmp_path / "c.toml").settings

    return load


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("min_acceptance", "min_aceptance", r"mean completion\.min_acceptance\?"),
        ("min_acceptance = 0.2", "disabled_in = ['*']", "disabled_in cannot differ by request"),
        ("enabled = false", "max_index_mb = 8", "max_index_mb cannot differ by request"),
        ("min_acceptance = 0.2", "max_lines = 0", r"max_lines: .* greater than or equal to 1"),
        ("drafting.enabled", "engine.max_running", "names no engine's address; with `model`"),
        ("share = 0.5", "share = 1.5", r"experiment\.share: .* less than or equal to 1"),
        ("end = 2026-01-30", "end = 2026-01-04", "its end is before its start"),
        ("end = 2026-01-30", "", "needs the days of its start and end"),
        ('name = "lines"', "", "an experiment needs a name"),
        ('name = "lines"', 'name = "a/b"', r"experiment\.name"),
        ('name = "eager"', 'name = "control"', "two of its arms have the same name"),
        ('[[experiment.arms]]\nname = "control"', "", "needs 2 arms at least"),
    ],
)
def test_what_cannot_be_is_refused_at_the_start_with_a_hint(read, old, new, complaint):
    with pytest.raises(SettingsError, match=complaint) as refused:
        read(WHOLE.replace(old, new))
    assert "completer experiment stop" in refused.value.hint


def test_without_a_name_there_is_no_experiment():
    experiment = Settings().experiment
    assert experiment.name is None
    assert not experiment.runs_on(date(2026, 1, 5))


def test_it_runs_from_its_first_to_its_last_day(read):
    experiment = read(WHOLE).experiment
    days = [date(2026, 1, day) for day in (4, 5, 30, 31)]
    assert [experiment.runs_on(day) for day in days] == [False, True, True, False]


def test_the_first_draw_says_who_takes_part_the_second_in_which_arm(read):
    experiment = read(WHOLE).experiment
    assert experiment.arm((0.5, 0.0)) is None
    assert experiment.arm((0.49, 0.49)) == Arm(name="lines/control")
    given = (("completion.min_acceptance", 0.2), ("drafting.enabled", False))
    assert experiment.arm((0.49, 0.51)) == Arm(name="lines/eager", given=given)


def test_a_larger_share_leaves_those_who_take_part_in_their_arms(read):
    small = read(WHOLE).experiment
    large = read(WHOLE.replace("0.5", "0.9")).experiment
    draws = [(part / 10, which / 10) for part in range(5) for which in range(10)]
    assert [small.arm(each) for each in draws] == [large.arm(each) for each in draws]


def test_an_arm_goes_before_all_other_settings_and_changes_nothing_else():
    settings = Settings(completion={"max_lines": 3, "max_tokens": 9})
    changed = in_arm(settings, Arm(name="x/y", given=(("completion.max_lines", 2),)))
    assert (changed.completion.max_lines, changed.completion.max_tokens) == (2, 9)
    assert changed.model_copy(update={"completion": settings.completion}) == settings
    assert in_arm(settings, Arm(name="x/y", given=(("completion.max_lines", 2),))) is changed


@pytest.mark.parametrize(
    "given",
    [("completion.max_lines", 0), ("server.port", 1), ("x", 1), ("drafting.max_index_mb", 4)],
)
def test_an_arm_that_another_process_made_up_is_refused(given):
    with pytest.raises(BadRequestError, match="x/y"):
        in_arm(Settings(), Arm(name="x/y", given=(given,)))


def test_what_is_for_everybody_are_settings_that_exist():
    known = {
        f"{section}.{name}"
        for section, field in RequestSettings.model_fields.items()
        for name in field.annotation.model_fields
    }
    assert known >= FOR_EVERYBODY
