"""Repositories of a team: fetched by the server itself, and open to the people of its settings."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from completer.context.workspace import Workspace
from completer.errors import CompleterError
from completer.place import Place
from completer.remote.checkout import Checkout, Source
from completer.remote.names import digest_of
from completer.remote.origin import identity
from completer.server_settings import TeamWorkspace

log = logging.getLogger(__name__)
ENDS_WITHIN_S = 2.0


class TeamRepository:
    """One repository of the settings: its files here, and which texts these have."""

    def __init__(self, folder: Path, settings: TeamWorkspace) -> None:
        self.settings = settings
        self.identity = identity(settings.git)
        source = Source(
            url=settings.git,
            branch=settings.branch,
            key=settings.deploy_key,
            ca_file=settings.ca_file,
        )
        self.checkout = Checkout(folder / settings.name, source, max_bytes=settings.max_mb << 20)
        self._names: dict[str, str] = {}

    @property
    def root(self) -> Place:
        """The folder of its files."""
        return self.checkout.tree

    def is_for(self, person: str) -> bool:
        """Whether somebody who has a token may use it."""
        people = self.settings.people
        return people is None or person in people

    def read(self) -> None:
        """Note which texts there are now."""
        workspace = Workspace(self.root)
        texts = ((file.path, workspace.read(file.path)) for file in workspace.iter_files())
        self._names = {
            digest_of(text.encode()): workspace.relative(path)
            for path, text in texts
            if text is not None
        }

    def text(self, digest: str) -> bytes | None:
        """The text with this digest, if it has one."""
        if (name := self._names.get(digest)) is None:
            return None
        text = Workspace(self.root).read(self.root / name)
        data = None if text is None else text.encode()
        return data if data is not None and digest_of(data) == digest else None


class TeamRepositories:
    """All of them, in `folder`; each is followed by a thread of its own between start and close."""

    def __init__(self, folder: Path, settings: Sequence[TeamWorkspace] = ()) -> None:
        self._all = [TeamRepository(folder.expanduser(), each) for each in settings]
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def of(self, person: str, origin: str) -> TeamRepository | None:
        """The one that a clone with this origin is of, as far as a person may know of it."""
        found = (each for each in self._all if origin and each.identity == origin)
        return next((each for each in found if each.is_for(person)), None)

    @property
    def people(self) -> dict[Place, frozenset[str] | None]:
        """Whose each folder is; `None`: of all who have a token."""
        return {
            each.root: None if each.settings.people is None else frozenset(each.settings.people)
            for each in self._all
        }

    def start(self, opened: Callable[[Place], None]) -> None:
        """Fetch them, now and in each interval; `opened` is called with the folder of each."""
        for each in self._all:
            thread = threading.Thread(
                target=self._follow, args=(each, opened), name="team-repository", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """End what fetches."""
        self._stopping.set()
        for each in self._all:
            each.checkout.stop()
        until = time.monotonic() + ENDS_WITHIN_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _follow(self, repository: TeamRepository, opened: Callable[[Place], None]) -> None:
        if repository.checkout.is_there:
            _use(repository, opened)
        while not self._stopping.is_set():
            try:
                if repository.checkout.update():
                    _use(repository, opened)
            except (CompleterError, OSError) as error:
                log.warning("%s is not fetched: %s", repository.settings.name, error)
            self._stopping.wait(60 * repository.settings.interval_minutes)


def _use(repository: TeamRepository, opened: Callable[[Place], None]) -> None:
    try:
        repository.read()
        opened(repository.root)
    except (CompleterError, OSError) as error:
        log.warning("%s is not used: %s", repository.settings.name, error)
