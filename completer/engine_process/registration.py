"""Which engine runs for whom: a file in the user's runtime folder, for its owner alone.

There is one file for each set of settings that make an engine, so that an editor with others gets
another engine. Who starts an engine holds the lock beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock
from platformdirs import user_runtime_path, user_state_path

from completer.engine_process.messages import PROTOCOL
from completer.errors import SettingsError
from completer.private_files import FILE_MODE, make_private, private_folder, replace_private_file
from completer.setting_kinds import APP
from completer.settings import RepositorySettings, Settings

NOT_THE_ENGINES = {"server", "telemetry", "experiment", "workspaces"}
"""Settings of front doors: an engine is the same whatever they say."""
OF_REPOSITORIES = tuple(RepositorySettings.model_fields)
LONGEST_SOCKET = 100  # bytes of its path: systems take 104 or 108
_PREFIX = f"engine-{PROTOCOL}-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A running engine: where it listens, and what it asks for.

    `socket` is a path, or empty where `port` of this machine counts. It `lingers` if it was started
    in the background, and ends some time after its last editor.
    """

    digest: str
    pid: int
    version: str
    token: str
    socket: str = ""
    port: int = 0
    lingers: bool = False

    @property
    def address(self) -> str:
        """Where it is, for a person."""
        return self.socket or f"127.0.0.1:{self.port}"


def engine_settings(settings: Settings) -> Settings:
    """The settings that make an engine, the same in whatever folder it runs."""
    source = settings.model.source
    if source != "bundled" and (named := Path(source).expanduser()).exists():
        source = str(named.absolute())
    return settings.model_copy(
        update={
            "model": settings.model.model_copy(update={"source": source}),
            # Each request brings the user's list, as it is then.
            "completion": settings.completion.model_copy(update={"disabled_in": ()}),
            "cache_folder": settings.cache_folder.absolute(),
            "calibration_folder": settings.calibration_folder.absolute(),
        }
    )


def packed(settings: Settings) -> bytes:
    """What an engine is started with: `unpacked` makes the same settings of it."""
    values = settings.model_dump(mode="json", exclude=NOT_THE_ENGINES)
    return json.dumps({"values": values, "settled": _settled(settings)}, sort_keys=True).encode()


def unpacked(data: bytes) -> Settings:
    """The settings of an engine that is being started."""
    found = json.loads(data)
    settings = Settings(**found["values"])
    settings._settled = frozenset(found["settled"])
    return settings


def digest_of(settings: Settings) -> str:
    """What tells engines apart; how long one lingers does not."""
    lingering = settings.engine.model_copy(update={"linger_minutes": 0.0})
    data = packed(settings.model_copy(update={"engine": lingering}))
    return hashlib.sha256(data).hexdigest()[:16]


def _settled(settings: Settings) -> list[str]:
    """Names that no repository changes, of those that it may set."""
    return sorted(n for n in settings.settled if n.partition(".")[0] in OF_REPOSITORIES)


def runtime_folder() -> Path:
    """The folder of sockets and registrations, made if it is missing.

    Raises `SettingsError` for one that others can reach.
    """
    with warnings.catch_warnings():  # where the variable is not set there is another place
        warnings.simplefilter("ignore")
        folder = Path(user_runtime_path(APP))
    try:
        private_folder(folder)
        make_private(folder)
        owner = folder.lstat()
    except OSError as error:
        raise SettingsError(
            f"{folder} cannot be used: {error}",
            hint="Set XDG_RUNTIME_DIR to a folder that is yours alone.",
        ) from error
    if os.name == "posix" and (owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode)):
        raise SettingsError(f"{folder} is not yours.", hint="Set XDG_RUNTIME_DIR to one that is.")
    return folder


def log_file(digest: str) -> Path:
    """Where an engine says what happens."""
    folder = Path(user_state_path(APP))
    private_folder(folder)
    return folder / f"engine-{digest}.log"


def starting(digest: str) -> FileLock:
    """The lock of who starts an engine."""
    return FileLock(runtime_folder() / f"{_PREFIX}{digest}.lock", blocking=False, mode=FILE_MODE)


def registered(digest: str) -> Registration | None:
    """The engine for these settings, as far as the file says; it may be gone."""
    return _read(_file(digest))


def all_registered() -> Iterator[Registration]:
    """Yield the engines that the files tell of."""
    for file in sorted(runtime_folder().glob(f"{_PREFIX}*.json")):
        if (found := _read(file)) is not None:
            yield found


def register(engine: Registration) -> None:
    """Have editors find this engine, instead of the one before."""
    replace_private_file(_file(engine.digest), json.dumps(asdict(engine)).encode())


def unregister(engine: Registration) -> None:
    """Have nobody find this engine any more, unless they find another already."""
    if registered(engine.digest) == engine:
        _file(engine.digest).unlink(missing_ok=True)


def is_older(version: str, than: str) -> bool:
    """Whether one version of this program came before another."""
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split("+")[0].split(".") if part.isdigit()]


def _file(digest: str) -> Path:
    return runtime_folder() / f"{_PREFIX}{digest}.json"


def _read(file: Path) -> Registration | None:
    try:
        return Registration(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):  # gone, or not written by us
        return None
