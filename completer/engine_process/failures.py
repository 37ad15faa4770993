"""Errors on their way from an engine to the language server that asked."""

from __future__ import annotations

from completer import errors
from completer.engine_process.messages import Failed
from completer.errors import CompleterError, OverloadedError
from models.errors import ModelError

FAILED = "The engine failed; `completer logs` shows why."


def failure(number: int, error: Exception) -> Failed:
    """What is told of an error: those that were made on purpose as they are."""
    if not isinstance(error, CompleterError | ModelError):
        return Failed(number, CompleterError.__name__, FAILED)
    retry_after_s = getattr(error, "retry_after_s", 1.0)
    return Failed(number, type(error).__name__, str(error), error.hint, retry_after_s)


def error_of(failed: Failed) -> CompleterError | ModelError:
    """The error that an engine told of; a kind that is not known here is its base."""
    if failed.error == ModelError.__name__:
        return ModelError(failed.message, hint=failed.hint)
    kind = getattr(errors, failed.error, CompleterError)
    if kind is OverloadedError:
        return OverloadedError(failed.message, retry_after_s=failed.retry_after_s, hint=failed.hint)
    known = isinstance(kind, type) and issubclass(kind, CompleterError)
    return (kind if known else CompleterError)(failed.message, hint=failed.hint)
