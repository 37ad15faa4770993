"""What a commit adds to each file, read from a repository's objects; no program is run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.diff_tree import RenameDetector, TreeChange, tree_changes
from dulwich.errors import NotGitRepository
from dulwich.objects import Blob, Commit, ObjectID, TreeEntry
from dulwich.repo import Repo

from completer.place import Place, local_place

MOST_FILES = 500  # a commit of more is no one's writing
LARGEST_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class CommittedLines:
    """A commit: its id, the id of the one that it amends, and what is new in each file.

    A line that was only moved within its file is not new.
    """

    id: str
    amends: str | None = None
    added: Mapping[Path, Sequence[str]] = field(default_factory=dict)


def git_folder(folder: Path) -> Place | None:
    """Where git keeps its own files on the repository that a folder lies in, if on any."""
    try:
        with Repo.discover(str(folder)) as repo:
            return None if repo.bare else local_place(Path(repo.controldir()))
    except (NotGitRepository, OSError):
        return None


def committed_lines(folder: Path, commit_id: str, amends: str | None = None) -> CommittedLines:
    """Compare a commit with its first parent; `folder` lies in the repository.

    Raises `KeyError` if the commit is not there.
    """
    with Repo.discover(str(folder)) as repo:
        commit = _commit(repo, commit_id.encode())
        parent = _commit(repo, commit.parents[0]) if commit.parents else None
        changes = list(
            tree_changes(
                repo.object_store,
                parent.tree if parent else None,
                commit.tree,
                rename_detector=RenameDetector(repo.object_store),
            )
        )
        if len(changes) > MOST_FILES:
            return CommittedLines(commit_id, amends)
        top = local_place(Path(repo.path))
        added: dict[Path, list[str]] = {
            top / change.new.path.decode("utf-8", "surrogateescape"): new
            for change in changes
            if change.new is not None and change.new.path and (new := _added_by(repo, change))
        }
        return CommittedLines(commit_id, amends, added)


def _commit(repo: Repo, commit_id: bytes) -> Commit:
    found = repo[ObjectID(commit_id)]
    if not isinstance(found, Commit):
        raise KeyError(commit_id)
    return found


def _added_by(repo: Repo, change: TreeChange) -> list[str]:
    added = Counter(_lines(repo, change.new)) - Counter(_lines(repo, change.old))
    return list(added.elements())


def _lines(repo: Repo, entry: TreeEntry | None) -> list[str]:
    """The lines of a text; none of what is no text, too large, or another repository's commit."""
    blob_id = entry.sha if entry is not None else None
    blob = repo[blob_id] if blob_id is not None and blob_id in repo.object_store else None
    if not isinstance(blob, Blob) or blob.raw_length() > LARGEST_FILE or b"\0" in blob.data:
        return []
    return blob.data.decode("utf-8", "replace").splitlines()
