"""Turns what can be wrong with a telemetry database into errors that its user can act on."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from completer.errors import BadRequestError


@contextmanager
def telemetry_errors(where: str = "") -> Iterator[None]:
    """Raise `BadRequestError` for a database that cannot be read.

    It is not there, was not made by this program, has a newer schema, is damaged, or the key of its
    people is missing. `where` is the error's hint: how to name another database or key.
    """
    from telemetry.files import NotTelemetryError
    from telemetry.migrations import SchemaTooNewError
    from telemetry.privacy import NoKeyError

    try:
        yield
    except NoKeyError as error:
        hint = where or "Name its people where it was recorded, or bring the key here."
        raise BadRequestError(f"{error}.", hint=hint) from error
    except (FileNotFoundError, NotTelemetryError, SchemaTooNewError) as error:
        raise BadRequestError(f"{error}.", hint=where) from error
    except sqlite3.Error as error:
        raise BadRequestError(
            f"A telemetry database cannot be read: {error}.",
            hint="Name the others one by one, or move it away.",
        ) from error
