"""Which arm of the running experiment a person is in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from completer.experiment_settings import ExperimentSettings
from completer.followed_setting import FollowedSetting
from completer.request import Arm
from completer.settings import Settings

Draw = Callable[[str, str], tuple[float, float] | None]
"""Two numbers from [0, 1) for an experiment and a person, always the same; `None` for who may not
take part."""


def _today() -> date:
    return datetime.now(UTC).date()


class Experiments:
    """The user's experiment as their settings file has it now. May be used from several threads."""

    def __init__(self, settings: Settings, draw: Draw, today: Callable[[], date] = _today) -> None:
        self._current = FollowedSetting[ExperimentSettings](
            settings.file, lambda found: found.experiment, settings.experiment
        )
        self._draw = draw
        self._today = today

    def arm_of(self, person: str) -> Arm | None:
        """The arm that a person is in today; `None` outside of the experiment."""
        experiment = self._current.value
        if experiment.name is None or not experiment.runs_on(self._today()):
            return None
        draws = self._draw(experiment.name, person)
        return None if draws is None else experiment.arm(draws)
