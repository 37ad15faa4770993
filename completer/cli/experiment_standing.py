"""How an experiment does: its state, its arms with their people, whether it can be read."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from completer.experiment_settings import ExperimentSettings
from completer.request import Arm
from telemetry.report.estimates import FEWEST

State = Literal["none", "to come", "running", "ended", "stopped"]


@dataclass(frozen=True, slots=True)
class ArmStanding:
    """An arm: what it sets, and how many people have been in it."""

    name: str
    sets: dict[str, Any]
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An experiment as it stands; `arm` is the one that a person is in today, if any.

    Whether it is `readable`, and `why` or why not, is the same for all people.
    """

    name: str | None
    state: State
    start: date | None
    end: date | None
    share: float
    primary: str
    arms: tuple[ArmStanding, ...]
    readable: bool
    why: str
    arm: str


def standing(
    planned: ExperimentSettings, people: dict[str, int], today: date, arm: Arm | None
) -> Standing:
    """Say how an experiment stands; `people` counts those in each arm as it is recorded."""
    found = tuple(
        ArmStanding(each.name, each.sets, people.get(f"{planned.name}/{each.name}", 0))
        for each in planned.arms
    )
    state = _state(planned, today)
    readable, why = _readable(planned, state, found)
    return Standing(
        name=planned.name,
        state=state,
        start=planned.start,
        end=planned.end,
        share=planned.share,
        primary=planned.primary,
        arms=found,
        readable=readable,
        why=why,
        arm=arm.name if arm else "",
    )


def _state(planned: ExperimentSettings, today: date) -> State:
    if planned.name is None or planned.start is None or planned.end is None:
        return "none"
    if planned.stopped:
        return "stopped"
    if today < planned.start:
        return "to come"
    return "running" if today <= planned.end else "ended"


def _readable(
    planned: ExperimentSettings, state: State, arms: tuple[ArmStanding, ...]
) -> tuple[bool, str]:
    if state in ("to come", "running"):
        return False, f"a difference comes and goes until {planned.end} is over"
    few = [arm.name for arm in arms if arm.people < FEWEST]
    if few:
        return False, f"fewer than {FEWEST} people in {', '.join(few)}"
    return state != "none", f"`completer report --experiment {planned.name}` says which arm wins"
