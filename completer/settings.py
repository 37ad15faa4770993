"""Every option, its default and its check.

Sources from low to high: the defaults below, the user's TOML file, environment variables
(`COMPLETER_MODEL__SOURCE=...`), command-line flags. A repository's own `.completer.toml` stands
between the user's file and the environment, for requests in that repository. It may set only what
`RepositorySettings` names, so that opening a stranger's code changes neither which model runs nor
where anything is sent.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from completer.config_file import CONFIG_VARIABLE as CONFIG_VARIABLE
from completer.config_file import config_file as config_file
from completer.context.content import opened_beneath, read_up_to
from completer.errors import SettingsError
from completer.experiment_settings import ExperimentSettings
from completer.request_settings import (
    CompletionSettings,
    DraftSettings,
    RequestSettings,
    with_given,
)
from completer.server_settings import TOKENS_FILE, ServerSettings
from completer.setting_kinds import APP, Count, Section

VARIABLES = "COMPLETER_"
REPOSITORY_FILE = ".completer.toml"
LARGEST_REPOSITORY_FILE = 1 << 14
_MOST_DOTS = 64  # in a line: a key of thousands of parts takes minutes to read
_LONGEST_NAME = 100
_MOST_PROBLEMS = 8  # that are told of at once
OF_EXPERIMENT = (
    "`completer experiment stop` ends the experiment that the file has; --help says more."
)
_IN_ARM = re.compile(r"^experiment\.arms\.\d+\.")


class ModelSettings(Section):
    """Which model runs, and how."""

    source: str = Field(
        "bundled", description="`bundled`, a model folder, a GGUF file, or a hub id"
    )
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N"
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8", "int4"] = Field(
        "auto", description="auto measures on a CPU; int8, int4: weights of linear layers, on a CPU"
    )
    layout: str | None = Field(None, description="force a FIM layout by name")
    context_tokens: Count | None = Field(None, description="use less than the model's context")


class NextEditSettings(Section):
    """Where the next edit is."""

    enabled: bool = Field(True, description="offer next edits to clients that ask for them")


class EngineSettings(Section):
    """Room and limits of the engine."""

    kv_cache_mb: Count = 512
    result_cache_mb: Count = 8
    max_running: Count = 16
    max_waiting: Count = 64
    prefill_chunk: Annotated[int, Field(ge=16)] = 256
    draft_tokens: Literal["auto"] | Count = Field(
        "auto", description="length of a draft; auto: as many tokens as pay under the present load"
    )
    on_battery: Literal["usual", "quiet"] = Field(
        "usual",
        description="quiet: on battery nothing is computed ahead, and files are read anew only once"
        " the machine is plugged in",
    )
    idle_unload_minutes: Annotated[float, Field(ge=0)] = Field(
        30.0, description="minutes without a request after which the model is unloaded; 0: never"
    )
    server: str = Field(
        "", description="address of a server on another machine that is the engine of editors here"
    )
    token_file: Path | None = Field(
        None, description="file of your token there; else it is in `COMPLETER_TOKEN` or the keyring"
    )
    ca_file: Path | None = Field(
        None, description="certificates by which that server is known, if the system's do not do"
    )
    linger_minutes: Annotated[float, Field(ge=0, le=100_000)] = Field(
        10.0,
        description="minutes after which an engine that an editor has started ends, once its last"
        " editor is gone",
    )


class Team(Section):
    """People whose figures are told together."""

    name: str
    people: tuple[str, ...]


class TelemetrySettings(Section):
    """What became of each completion, on this machine only."""

    enabled: bool = True
    folder: Path = Field(default_factory=lambda: user_data_path(APP) / "telemetry")
    retention_days: Count = 90
    identity_file: Path | None = Field(
        None,
        description="key by which people are the same in several installations; who has it can"
        " recognise them by name",
    )
    teams: tuple[Team, ...] = Field(
        (), description="teams with `name` and `people`, for reports; only hashes are compared"
    )


class Settings(BaseModel):
    """All options of the program."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: ModelSettings = ModelSettings()
    completion: CompletionSettings = CompletionSettings()
    drafting: DraftSettings = DraftSettings()
    next_edit: NextEditSettings = NextEditSettings()
    engine: EngineSettings = EngineSettings()
    server: ServerSettings = Field(default_factory=ServerSettings)
    telemetry: TelemetrySettings = TelemetrySettings()
    experiment: ExperimentSettings = ExperimentSettings()
    workspaces: tuple[Path, ...] = ()
    cache_folder: Path = Field(default_factory=lambda: user_cache_path(APP))
    calibration_folder: Path = Field(
        default_factory=lambda: user_data_path(APP) / "calibration",
        description="what `completer calibrate` has adopted",
    )
    secrets: Literal["cut", "keep"] = Field(
        "cut",
        description="cut: what looks like a secret is neither learned nor prompted nor answered",
    )
    pure: bool = Field(
        False, description="float32, exactly the model's own distribution, text left as it is"
    )

    _settled: frozenset[str] = PrivateAttr(frozenset())
    _file: Path | None = PrivateAttr(None)

    @property
    def settled(self) -> frozenset[str]:
        """Names that the environment or a flag has set: no repository changes them."""
        return self._settled

    @property
    def file(self) -> Path | None:
        """The user's file that was looked for; `None` for settings that were not loaded."""
        return self._file


class RepositorySettings(RequestSettings):
    """What a repository's own file may set."""

    def over(self, settings: Settings) -> Settings:
        """The user's settings with these on top, and on top of all what environment and flags say.

        An index may be made smaller than the user allows, not larger.
        """
        own = {name: value for name, value in self.given.items() if name not in settings.settled}
        changed = with_given(settings, own)
        largest = min(settings.drafting.max_index_mb, changed.drafting.max_index_mb)
        return with_given(changed, {"drafting.max_index_mb": largest})


class LoadedSettings(BaseModel):
    """The settings and, for each one that is not a default, where it came from."""

    model_config = ConfigDict(frozen=True)

    settings: Settings
    origins: dict[str, str]


def load_settings(
    flags: Mapping[str, Any] | None = None, file: Path | None = None
) -> LoadedSettings:
    """Merge file, environment and `flags` (nested like the settings; `None` values are left out).

    Raises `SettingsError` for a file that is no TOML, a name that does not exist and a value that
    cannot be.
    """
    path = file or config_file()
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    _check_names(_mistyped_variables(), "environment")
    for origin, values in (
        (f"file {path}", _read_toml(path, must_exist=file is not None)),
        ("environment", _from_environment()),
        ("flag", _without_none(flags or {})),
    ):
        _check_names((name for name in values if name not in Settings.model_fields), origin)
        _merge(merged, values)
        origins |= dict.fromkeys(_dotted(values), origin)
    if isinstance(server := merged.setdefault("server", {}), dict):
        server.setdefault("tokens", path.with_name(TOKENS_FILE))
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        sections = {problem["loc"][0] for problem in error.errors()}
        hint = OF_EXPERIMENT if sections == {"experiment"} else ""
        raise SettingsError(_explain(error, origins), hint=hint) from error
    if settings.pure and settings.completion.exit_mode == "lossy":
        raise SettingsError(
            '`pure` promises the model\'s own text, completion.exit_mode = "lossy" another one.',
            hint="Leave out one of the two.",
        )
    settings._settled = frozenset(n for n, o in origins.items() if o in ("environment", "flag"))
    settings._file = path
    return LoadedSettings(settings=settings, origins=origins)


def load_repository_settings(root: Path) -> RepositorySettings:
    """Read a repository's own file; raises `SettingsError` for anything that it may not set."""
    path = root / REPOSITORY_FILE
    try:
        with opened_beneath(root, [REPOSITORY_FILE]) as descriptor:
            data = read_up_to(descriptor, LARGEST_REPOSITORY_FILE)
    except FileNotFoundError:
        return RepositorySettings()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    if data is None:
        raise SettingsError(f"{path} is larger than {LARGEST_REPOSITORY_FILE} bytes.")
    if any(line.count(b".") > _MOST_DOTS for line in data.splitlines()):
        raise SettingsError(f"{path} is nested too deeply.")
    values = _parse_toml(data, path)
    try:
        return RepositorySettings(**values)
    except ValidationError as error:
        origins = dict.fromkeys(_dotted(values), f"file {path}")
        raise SettingsError(
            _explain(error, origins),
            hint="A repository may only set [completion] and [drafting].",
        ) from error


def _read_toml(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return _parse_toml(path.read_bytes(), path)
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"There is no settings file {path}.") from None
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error


def _parse_toml(data: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode())
    except ValueError as error:  # no UTF-8, no TOML, or a number of thousands of digits
        raise SettingsError(f"{path} cannot be read as TOML: {error}") from error
    except RecursionError:
        raise SettingsError(f"{path} is nested too deeply.") from None


def _check_names(unknown: Iterable[str], origin: str) -> None:
    for name in unknown:
        meant = f" Did you mean {near}?" if (near := _nearest(name)) else ""
        known = ", ".join(Settings.model_fields)
        raise SettingsError(
            f"There is no setting {name!r} ({origin}).{meant}", hint=f"Known: {known}"
        )


def _from_environment() -> dict[str, Any]:
    """The settings that the environment holds."""
    if not any(variable.upper().startswith(VARIABLES) for variable in os.environ):
        return {}  # most often; what reads them takes a while to import
    from pydantic_settings import BaseSettings, EnvSettingsSource

    class FromEnvironment(Settings, BaseSettings):  # type: ignore[misc]
        """The same fields, as pydantic reads them from an environment."""

    source = EnvSettingsSource(FromEnvironment, env_prefix=VARIABLES, env_nested_delimiter="__")
    return source()


def _mistyped_variables() -> Iterator[str]:
    """Settings that the environment misspells; what is not like one at all is somebody else's."""
    for variable in os.environ:
        if variable.upper().startswith(VARIABLES):
            name = variable[len(VARIABLES) :].lower().replace("__", ".")
            if name.split(".")[0] not in Settings.model_fields and _close(name):
                yield name


def _nearest(name: str) -> str:
    """The setting whose name is most like this one, or that is called so in a section."""
    alike = _close(name) or [each for each in _names(Settings) if each.endswith(f".{name}")]
    return next(iter(alike), "")


def _close(name: str) -> list[str]:
    return get_close_matches(name[:_LONGEST_NAME], list(_names(Settings)), n=1, cutoff=0.75)


def _names(section: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"{above}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, f"{above}{name}.")


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            value = _without_none(value) or None
        if value is not None:
            cleaned[name] = value
    return cleaned


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = dict(value) if isinstance(value, Mapping) else value


def _dotted(values: Mapping[str, Any], above: str = "") -> list[str]:
    names: list[str] = []
    for name, value in values.items():
        here = f"{above}{name}"
        names += _dotted(value, f"{here}.") if isinstance(value, Mapping) else [here]
    return names


def _explain(error: ValidationError, origins: Mapping[str, str]) -> str:
    sentences = []
    for problem in error.errors()[:_MOST_PROBLEMS]:
        name = ".".join(str(part) for part in problem["loc"])
        beneath = (origins[each] for each in origins if f"{each}.".startswith(f"{name}."))
        origin = next((f" ({origin})" for origin in beneath), "")
        message = problem["msg"].lower().removeprefix("value error, ")
        near = _nearest(_IN_ARM.sub("", name)) if problem["type"] == "extra_forbidden" else ""
        meant = f" (did you mean {near}?)" if near else ""
        sentences.append(f"{name[:_LONGEST_NAME]}: {message}{origin}{meant}")
    return "Settings that cannot be: " + "; ".join(sentences) + "."
