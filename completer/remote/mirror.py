"""A workspace whose files lie on another machine, as far as they were sent: a second `Workspace`.

In its folder is a list of the files (`FILES`); their texts lie beside it, each under its digest.
The list is this workspace's file of rules: where it is replaced, all that follows files compares
them with what it knows.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple, replace
from pathlib import Path

from completer.context.languages import language_of_name
from completer.context.verdict import Reason, Verdict
from completer.context.workspace import SourceFile, Workspace, WorkspaceOptions
from completer.place import Place, local_place
from completer.private_files import replace_private_file
from completer.remote.modules import MODULES
from completer.remote.names import MirroredFile, digest_of, in_order, is_name

FILES = "files.json"
TEXTS = "texts"
TEAM = "team"
"""Of a clone of a team's repository: the file that says where that lies on this machine."""


class Mirror(Workspace):
    """The files of the list in `root`, in the order in which `Workspace` would find them."""

    on_disk = False

    def __init__(self, root: Path, *, options: WorkspaceOptions | None = None) -> None:
        self._files: dict[str, MirroredFile] = {}
        super().__init__(root, options=replace(options or WorkspaceOptions(), gitignore=False))
        self.reload()

    @property
    def modules(self) -> Place:
        """See `Workspace`."""
        return Place(self.root / MODULES)

    @property
    def team_root(self) -> Place | None:
        """See `Workspace`."""
        try:
            return Place(Path((self.root / TEAM).read_text()))
        except OSError:
            return None

    @property
    def rule_files(self) -> frozenset[Path]:
        """None: all that counts lies in the root."""
        return frozenset()

    def is_rule(self, path: Path) -> bool:
        """Whether a file is the list."""
        return self.relative(path) == FILES

    def reload(self) -> None:
        """Read the list again."""
        found = sorted(read_list(self.root), key=lambda file: in_order(file.name))
        self._files = {file.name: file for file in found}

    def iter_files(self) -> Iterator[SourceFile]:
        """See `Workspace`."""
        self.reload()
        yield from map(self._source_file, self._files.values())

    def iter_folders(self, path: Path | None = None) -> Iterator[Path]:
        """Yield the folder of the list: the others are not there."""
        yield self.root

    def iter_folder(self, path: Path) -> Iterator[SourceFile]:
        """None: no folder of the list's comes or goes by itself."""
        yield from ()

    def may_read(self, path: Path | str) -> Verdict:
        """See `Workspace`."""
        return Verdict(None if self._known(path) else Reason.MISSING)

    def check_name(self, path: Path | str) -> Verdict:
        """See `Workspace`: whoever sends a document has asked the rules where the files are."""
        return Verdict(None if is_name(self.relative(Path(path))) else Reason.OUTSIDE)

    def source_file(self, path: Path | str) -> SourceFile | None:
        """See `Workspace`."""
        file = self._known(path)
        return None if file is None else self._source_file(file)

    def read(self, path: Path | str, *, whole: bool = False) -> str | None:
        """See `Workspace`; a text that is not what its name says counts as missing."""
        file = self._known(path)
        if file is None or (whole and not file.whole):
            return None
        try:
            data = (self.root.parent / TEXTS / file.digest).read_bytes()
        except OSError:
            return None
        return data.decode() if digest_of(data) == file.digest else None

    def _known(self, path: Path | str) -> MirroredFile | None:
        return self._files.get(self.relative(Path(path)))

    def _source_file(self, file: MirroredFile) -> SourceFile:
        # What stands for the time of change is another one exactly where the text is.
        changed = int(file.digest[:15], 16)
        language = language_of_name(file.name.rpartition("/")[2]) or ""
        return SourceFile(self.root / file.name, file.size, changed, language)


def read_list(folder: Path) -> list[MirroredFile]:
    """The files of a mirror; none where nothing was mirrored yet."""
    try:
        return [MirroredFile(*entry) for entry in json.loads((folder / FILES).read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def write_list(folder: Path, files: Iterable[MirroredFile]) -> None:
    """Replace a mirror's list."""
    replace_private_file(folder / FILES, json.dumps([astuple(each) for each in files]).encode())


def write_team(folder: Path, root: Place | None) -> None:
    """Note of which team's repository a mirror is a clone, if of any."""
    file = folder / TEAM
    if root is None:
        file.unlink(missing_ok=True)
    elif not file.exists() or file.read_text() != str(root):
        replace_private_file(file, str(root).encode())


def is_mirrored(folder: Path) -> bool:
    """Whether a mirror was whole once."""
    return (folder / FILES).exists()


def folder_of(mirrors: Path, person: str, workspace: str) -> Place:
    """The folder of one person's mirror of a workspace: what it is called is made of digests."""
    return local_place(mirrors / _short(person) / _short(workspace))


def _short(text: str) -> str:
    return digest_of(text.encode("utf-8", "surrogatepass"))[:32]
