"""What a commit adds to each file, read from a repository's own objects.

No program is run, no configuration is read, and nothing outside of the repository.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.diff_tree import RenameDetector, TreeChange, tree_changes
from dulwich.objects import Blob, Commit, ObjectID, TreeEntry

from completer.context.git_folders import git_folders
from completer.context.git_objects import OwnObjects

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


def committed_lines(folder: Path, commit_id: str, amends: str | None = None) -> CommittedLines:
    """Compare a commit with its first parent; `folder` lies in the repository.

    Raises `KeyError` if the commit, or what it is compared with, is not among the repository's own
    objects, and `OSError` where these are no regular files.
    """
    repository = git_folders(folder)
    if repository is None or repository.common is None:
        raise KeyError(commit_id)
    with closing(OwnObjects(repository.common / "objects", commit_id)) as objects:
        commit = _commit(objects, commit_id.encode())
        parent = _commit(objects, commit.parents[0]) if commit.parents else None
        changes = list(
            tree_changes(
                objects,
                parent.tree if parent else None,
                commit.tree,
                rename_detector=RenameDetector(objects),
            )
        )
        if len(changes) > MOST_FILES:
            return CommittedLines(commit_id, amends)
        added: dict[Path, list[str]] = {
            repository.top / change.new.path.decode("utf-8", "surrogateescape"): new
            for change in changes
            if change.new is not None and change.new.path and (new := _added_by(objects, change))
        }
        return CommittedLines(commit_id, amends, added)


def _commit(objects: OwnObjects, commit_id: bytes) -> Commit:
    found = objects[ObjectID(commit_id)]
    if not isinstance(found, Commit):
        raise KeyError(commit_id)
    return found


def _added_by(objects: OwnObjects, change: TreeChange) -> list[str]:
    added = Counter(_lines(objects, change.new)) - Counter(_lines(objects, change.old))
    return list(added.elements())


def _lines(objects: OwnObjects, entry: TreeEntry | None) -> list[str]:
    """The lines of a text; none of what is no text, too large, or another repository's commit."""
    blob_id = entry.sha if entry is not None else None
    blob = objects[blob_id] if blob_id is not None and blob_id in objects else None
    if not isinstance(blob, Blob) or blob.raw_length() > LARGEST_FILE or b"\0" in blob.data:
        return []
    return blob.data.decode("utf-8", "replace").splitlines()
