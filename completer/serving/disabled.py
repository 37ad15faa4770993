"""Where nothing is completed: one list, asked in one place, whatever kind of suggestion is wanted.

An entry is a pattern as in `.gitignore`, relative to the workspace (`*.env`, `secrets/**`, and `!`
to take back), a language (`language:markdown`), or what the caret stands in (`scope:comment`,
`scope:string`). Files that may hold secrets need no entry.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path, PurePath

from completer.context.filenames import may_hold_secrets
from completer.context.gitignore import IgnoreFile
from completer.context.languages import language_of_name
from completer.context.verdict import Reason
from completer.disabled_list import DisabledList
from completer.place import is_inside
from completer.settings import Settings

LANGUAGE = "language:"
SCOPE = "scope:"
SETTING = "completion.disabled_in"


class Disabled:
    """Says where nothing is completed, by the user's list as it is now.

    May be used from several threads. A list from the environment or a flag stays as it is.
    """

    def __init__(self, settings: Settings) -> None:
        self._secrets = settings.secrets == "cut"
        self.at_start = settings.completion.disabled_in
        file = None if SETTING in settings.settled else settings.file
        self._list = DisabledList(file, self.at_start)

    def why(
        self,
        path: Path | None,
        language: str | None,
        root: Path | None = None,
        more: tuple[str, ...] = (),
        scope: Callable[[], str] = lambda: "code",
    ) -> str:
        """Why nothing is completed in a file of the workspace `root`; empty if it may be.

        `more` entries come from the workspace itself, or from who asks; `scope` says what the caret
        stands in, and is only asked where an entry is about that.
        """
        if path is not None and self._secrets and may_hold_secrets(path):
            return f"{path.name} {Reason.SECRET}"
        entries = (*self._list.entries, *more)
        entry = found_in(entries, path, language, root) or _scope_in(entries, scope)
        return f"disabled here: {entry}" if entry else ""


def found_in(
    entries: tuple[str, ...], path: Path | None, language: str | None, root: Path | None = None
) -> str:
    """The entry that disables a file or language, empty if none does; the last that fits counts."""
    known = {language, path and language_of_name(path.name)}
    for entry in entries:
        if entry.startswith(LANGUAGE) and entry.removeprefix(LANGUAGE).strip() in known:
            return entry
    patterns = tuple(entry for entry in entries if not entry.startswith((LANGUAGE, SCOPE)))
    if path is None or not patterns:
        return ""
    for each in _with_folders(path, root):
        if _patterns(patterns).decides(each):
            return next(
                (one for one in reversed(patterns) if _patterns((one,)).decides(each)), each
            )
    return ""


def _scope_in(entries: tuple[str, ...], scope: Callable[[], str]) -> str:
    about_it = (entry for entry in entries if entry.startswith(SCOPE))
    wanted = {entry.removeprefix(SCOPE).strip(): entry for entry in about_it}
    return wanted.get(scope(), "") if wanted else ""


@lru_cache(maxsize=64)
def _patterns(entries: tuple[str, ...]) -> IgnoreFile:
    return IgnoreFile(entries)


def _with_folders(path: Path, root: Path | None) -> Iterator[str]:
    """The folders around a file and the file, from the root on, as patterns are asked about."""
    inside = root is not None and is_inside(path, root)
    relative = path.relative_to(root) if inside and root else path.relative_to(path.anchor)
    parts = [part for part in PurePath(relative).parts if part != ".."]
    for count in range(1, len(parts)):
        yield f"{'/'.join(parts[:count])}/"
    yield "/".join(parts)
