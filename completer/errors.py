"""Errors that a caller can act on: each says what is wrong and, in `hint`, what to do about it."""


class CompleterError(Exception):
    """Base of every error that this program raises on purpose.

    `str(error)` is one sentence for a person; `hint` is the next thing to try, or empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class BadRequestError(CompleterError):
    """The request itself is wrong: a value out of range, a place that is not in the file."""


class SettingsError(CompleterError):
    """A setting is unknown, has a value that it cannot have, or is not allowed where it stands."""


class WorkspaceError(CompleterError):
    """A folder or file is not there, or lies outside what may be read."""


class WorkspaceClosedError(WorkspaceError):
    """A workspace was closed while a request was being answered in it."""


class OverloadedError(CompleterError):
    """Too much work is queued. `retry_after_s` is when asking again makes sense, in seconds."""

    def __init__(self, message: str, *, retry_after_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
