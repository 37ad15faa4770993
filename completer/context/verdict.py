"""Whether a file may be read, and if not, why: the words that `completer index` prints."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a file or folder is left out."""

    OUTSIDE = "outside the workspace"
    SYMLINK = "symbolic link"
    NOT_REGULAR = "not a regular file"
    MISSING = "missing or unreadable"
    SECRET = "may hold secrets"  # noqa: S105 (a reason, not a password)
    HIDDEN = "hidden"
    IGNORED = "ignored by git"
    EXCLUDED = "excluded by the settings"
    VENDOR = "vendored or built"
    GENERATED = "generated or minified"
    BINARY = "binary"
    HUGE = "too large"
    UNKNOWN = "not a known kind of text"
    TOO_MANY = "over the limit of files"
    TOO_DEEP = "too many folders deep"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a file may be read; `reason` is `None` exactly when it may."""

    reason: Reason | None = None

    @property
    def ok(self) -> bool:
        """Whether the file may be read."""
        return self.reason is None
