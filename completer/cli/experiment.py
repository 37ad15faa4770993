"""`completer experiment`: start one, look how it does, stop it."""

import json
import tomllib
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.front_door import arms as arms_by
from completer.cli.options import ConfigFlag, JsonFlag, load
from completer.config_file import config_file
from completer.errors import BadRequestError, SettingsError

if TYPE_CHECKING:
    from completer.cli.experiment_standing import Standing
    from completer.settings import Settings

experiment = typer.Typer(
    no_args_is_help=True,
    help="Give some people other settings, and see what they accept more of.",
)
FOUR_WEEKS = 28  # whole weeks, for weekdays differ
DAY = "%Y-%m-%d"
OF_ARMS = {"share": "--share", "first": "--from", "days": "--days", "primary": "--primary"}
OWN = ("name", "model")  # of an arm, beside its sections


@experiment.command("start")
def start(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    arm: Annotated[
        list[str] | None,
        typer.Option(
            "--arm",
            help="An arm and what it sets, repeated: `control`,"
            " `eager:completion.min_acceptance=0.2,drafting.enabled=false`. The first is control."
            " Without any, the settings' own are checked.",
            metavar="NAME[:SETTING=VALUE,...]",
        ),
    ] = None,
    share: Annotated[float, typer.Option(help="Share of people that take part.")] = 1.0,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=[DAY], help="First day, UTC; today.", metavar="DATE"),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="How many days it runs.")] = FOUR_WEEKS,
    primary: Annotated[str, typer.Option(help="The metric that decides.")] = "acceptance",
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Write an experiment into your settings, or check the one that is there.

    Programs that run take it up with the next request.
    """
    from completer.user_settings import write_section

    if not arm:
        _refuse_flags_of_arms(context)
    settings = load(config).settings
    if arm:
        _refuse_a_second(settings, name)
        begins = first.date() if first else _today()
        section = {
            "name": name,
            "share": share,
            "start": begins,
            "end": begins + timedelta(days=days - 1),
            "primary": primary,
            "arms": [_arm(each) for each in arm],
        }
        settings = _with(section, config)
        _check(settings, name)
        write_section(config or config_file(), "experiment", section)
    _check(settings, name)
    _tell(settings, as_json=as_json)


@experiment.command("status")
def status(
    user: Annotated[
        str, typer.Option("--user", help="Whose arm to say; yours without.", metavar="NAME")
    ] = "",
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the experiment's days, arms and people, and whether its result can be read."""
    _tell(load(config).settings, user, as_json=as_json)


@experiment.command("stop")
def stop(config: ConfigFlag = None, as_json: JsonFlag = False) -> None:
    """End the experiment: from the next request on everybody is as without; its data stay."""
    from completer.settings import OF_EXPERIMENT
    from completer.user_settings import remove_section, write_setting

    file = config or config_file()
    try:
        settings = load(config).settings
    except SettingsError as error:
        if error.hint != OF_EXPERIMENT or not remove_section(file, "experiment"):
            raise
        typer.echo(f"Took the experiment, which could not be, out of {file}.", err=True)
        settings = load(config).settings
    else:
        planned = settings.experiment
        if planned.end is None or planned.is_over(_today()):
            over = f"{planned.name} has ended" if planned.name else "There is no experiment"
            raise BadRequestError(f"{over}: {file} has none that could be stopped.")
        _refuse_the_environments(settings)
        write_setting(file, "experiment", "stopped", True)
    _tell(load(config).settings, as_json=as_json)


def _today() -> date:
    return datetime.now(UTC).date()


def _refuse_flags_of_arms(context: typer.Context) -> None:
    """Refuse what would be written with arms, where there are none to write."""
    for name, flag in OF_ARMS.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise BadRequestError(
                f"{flag} is for an experiment that is written: say its --arm as well.",
                hint="Without arms, `start NAME` checks the one in the settings.",
            )


def _refuse_a_second(settings: "Settings", name: str) -> None:
    """Refuse to start one where another runs or will, or where one of this name ever ran."""
    _refuse_the_environments(settings)
    planned = settings.experiment
    if planned.name is not None and not planned.is_over(_today()):
        raise BadRequestError(
            f"{planned.name} runs from {planned.start} until {planned.end}.",
            hint="`completer experiment stop` ends it; its data stay.",
        )
    if _people(settings, name):
        raise BadRequestError(
            f"There was an experiment {name!r} before.",
            hint="Give this one another name, so that they are told apart.",
        )


def _refuse_the_environments(settings: "Settings") -> None:
    if any(name.startswith("experiment.") for name in settings.settled):
        raise BadRequestError(
            "The environment says which experiment runs.", hint="Unset COMPLETER_EXPERIMENT__…"
        )


def _check(settings: "Settings", name: str) -> None:
    """Refuse an experiment that nobody would be in, or that nothing would decide."""
    from models.source import check_source
    from telemetry.report.metrics import BY_NAME

    planned = settings.experiment
    if planned.name != name or planned.stopped:  # what was stopped is not begun again
        raise BadRequestError(
            f"There is no experiment {name!r} to start in the settings.",
            hint="Say its arms: --arm control --arm eager:completion.min_acceptance=0.2",
        )
    if planned.is_over(_today()):
        raise BadRequestError(
            f"{name} ended on {planned.end}, so that nobody would be in it.",
            hint="Say other days: --from 2030-01-07 --days 28",
        )
    if planned.primary not in BY_NAME:
        raise BadRequestError(
            f"There is no metric {planned.primary!r}.", hint=f"There are: {', '.join(BY_NAME)}."
        )
    for model in planned.models:
        check_source(model)
    if not settings.telemetry.enabled:
        raise BadRequestError(
            "Nothing is recorded, so nobody would take part.", hint="Set telemetry.enabled = true."
        )


def _with(section: dict[str, Any], config: Path | None) -> "Settings":
    """The settings with this experiment in place of another one."""
    from completer.settings import load_settings

    return load_settings({"experiment": {**section, "stopped": False}}, config).settings


def _arm(text: str) -> dict[str, Any]:
    """An arm as in the settings, from `NAME:SETTING=VALUE,...`."""
    name, _, pairs = text.partition(":")
    arm: dict[str, Any] = {"name": name}
    for pair in filter(None, pairs.split(",")):
        key, equals, value = pair.partition("=")
        section, dot, option = key.strip().partition(".")
        if not equals or not (dot or section in OWN):
            raise BadRequestError(
                f"{pair!r} is no setting of an arm.", hint="Write it as completion.max_lines=1."
            )
        if dot:
            arm.setdefault(section, {})[option] = _value(value)
        else:
            arm[section] = value.strip()
    return arm


def _value(text: str) -> object:
    """A value as TOML has it, or else a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _people(settings: "Settings", name: str) -> dict[str, int]:
    """How many people have been in each arm so far."""
    from telemetry.assignment import people_in_arms

    return people_in_arms(settings.telemetry.folder, name)


def _tell(settings: "Settings", user: str = "", *, as_json: bool) -> None:
    from completer.cli.experiment_standing import standing

    planned = settings.experiment
    people = _people(settings, planned.name) if planned.name else {}
    found = standing(planned, people, _today(), arms_by(settings)(user))
    typer.echo(json.dumps(asdict(found), default=date.isoformat) if as_json else _in_words(found))


def _in_words(found: "Standing") -> str:
    if found.name is None:
        return "There is no experiment."
    lines = [
        f"{found.name}: {found.state}, {found.start} to {found.end} (UTC), "
        f"{100 * found.share:.0f} % of people, decided by {found.primary}"
    ]
    for arm in found.arms:
        sets = ", ".join(f"{name} = {value}" for name, value in arm.sets.items()) or "as it is"
        lines.append(f"  {arm.name}: {sets}; {arm.people:,} people so far")
    lines.append(f"{'Can be read' if found.readable else 'Not to be read yet'}: {found.why}")
    lines.append(f"Arm: {found.arm or 'none'}")
    return "\n".join(lines)
