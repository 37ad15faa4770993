"""The settings of an experiment: the arms that people are assigned to, when, and what decides."""

from datetime import date
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from completer.request import Arm
from completer.request_settings import FOR_EVERYBODY, RequestSettings
from completer.setting_kinds import Section

NAME = r"^[a-z0-9][a-z0-9_.-]{0,39}$"
FEWEST_ARMS, MOST_ARMS = 2, 8
Name = Annotated[str, Field(pattern=NAME)]


class ArmSettings(RequestSettings):
    """One arm: what is set for the people in it, in place of everything else that says so."""

    name: Name
    model: str | None = None

    @property
    def sets(self) -> dict[str, Any]:
        """What is set in it, the model included."""
        return self.given | ({"model": self.model} if self.model else {})

    @model_validator(mode="before")
    @classmethod
    def _refuse_addresses(cls, values: Any) -> Any:  # noqa: ANN401
        if isinstance(values, dict) and "engine" in values:
            raise ValueError(
                "an arm names no engine's address; with `model`, an engine of its own is started"
                " on this machine"
            )
        return values

    @model_validator(mode="after")
    def _refuse_what_is_everybodys(self) -> Self:
        for name in sorted(FOR_EVERYBODY & self.given.keys()):
            raise ValueError(f"{name} cannot differ by request: everybody shares what it is of")
        return self


class ExperimentSettings(Section):
    """An experiment; without a `name` there is none."""

    name: Name | None = Field(None, description="what it is called; without a name there is none")
    arms: Annotated[tuple[ArmSettings, ...], Field(max_length=MOST_ARMS)] = Field(
        (), description="each with a `name` and the settings that it changes; the first is control"
    )
    share: float = Field(
        1.0, gt=0, le=1, description="share of all people that take part, evenly in its arms"
    )
    start: date | None = Field(None, description="first day, UTC")
    end: date | None = Field(
        None, description="last day, UTC, after which it is read and nobody is in an arm any more"
    )
    primary: str = Field("acceptance", description="metric that decides, named beforehand")
    stopped: bool = Field(False, description="ended before its time: nobody is in an arm any more")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        names = [arm.name for arm in self.arms]
        if self.name is None:
            if self.model_fields_set:
                raise ValueError("an experiment needs a name")
        elif self.start is None or self.end is None:
            raise ValueError("an experiment needs the days of its start and end: 2026-01-31")
        elif self.end < self.start:
            raise ValueError("its end is before its start")
        elif len(names) < FEWEST_ARMS:
            raise ValueError(f"an experiment needs {FEWEST_ARMS} arms at least")
        elif len(set(names)) < len(names):
            raise ValueError("two of its arms have the same name")
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """The other models of its arms."""
        return tuple(arm.model for arm in self.arms if arm.model)

    def is_over(self, day: date) -> bool:
        """Whether it has ended before a day, UTC, or was stopped."""
        return self.stopped or (self.end is not None and day > self.end)

    def runs_on(self, day: date) -> bool:
        """Whether people are in its arms on a day, UTC."""
        return self.start is not None and self.start <= day and not self.is_over(day)

    def arm(self, draws: tuple[float, float]) -> Arm | None:
        """The arm of a person with these two draws from [0, 1), if they take part.

        The first says whether they do, so that a larger share leaves all others where they were.
        """
        takes_part, which = draws
        if takes_part >= self.share or not self.arms:
            return None
        arm = self.arms[int(which * len(self.arms))]
        return Arm(
            name=f"{self.name}/{arm.name}", given=tuple(arm.given.items()), model=arm.model or ""
        )
