"""The file of tokens: whose each is, and which workspaces it may use.

A token has 256 random bits, so that its SHA-256, which is all that is kept, gives nothing away.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from completer.errors import SettingsError
from completer.place import local_place
from completer.private_files import replace_private_file

LOCK_S = 10.0  # another command that changes the file takes milliseconds
PREFIX = "completer_"  # by which a token that lies around is known for one
Name = Annotated[str, Field(pattern=r"^[\w.@+-]{1,64}$")]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Token(_Shape):
    """One person's token; without `workspaces` it may use every one that is served.

    An admin's shows everybody's figures in reports.
    """

    name: Name
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    workspaces: tuple[Path, ...] | None = None
    created: datetime
    admin: bool = False


class _Content(_Shape):
    tokens: tuple[Token, ...] = ()


class TokenFile:
    """The tokens in a file that nobody else can read. Commands may change it at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser()

    def read(self) -> tuple[Token, ...]:
        """All tokens; none where there is no file.

        Raises `SettingsError` for a file that is not what it must be, or that others can read.
        """
        try:
            with self.path.open("rb") as file:
                self._check_mode(os.fstat(file.fileno()).st_mode)
                return _Content.model_validate_json(file.read()).tokens
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            hint = "Mend it, or remove it and add the tokens anew: `completer token add NAME`."
            raise SettingsError(f"{self.path} holds no tokens: {error}", hint=hint) from error

    def add(
        self, name: str, workspaces: Sequence[Path] | None = None, *, admin: bool = False
    ) -> str:
        """Make a token for a person and return it: it cannot be had again.

        Raises `SettingsError` if they have one, or their name is none.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        token = _made(name, secret, workspaces, admin)

        def with_token(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
            if any(each.name == name for each in tokens):
                hint = f"Take it away first: `completer token remove {name}`."
                raise SettingsError(f"{name} has a token.", hint=hint)
            return (*tokens, token)

        self._change(with_token)
        return secret

    def remove(self, name: str) -> None:
        """Take a person's token away; raises `SettingsError` if they have none."""

        def without_token(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
            kept = tuple(token for token in tokens if token.name != name)
            if len(kept) == len(tokens):
                known = ", ".join(token.name for token in tokens) or "nobody"
                raise SettingsError(f"{name} has no token.", hint=f"Known: {known}.")
            return kept

        self._change(without_token)

    def _change(self, change: Callable[[tuple[Token, ...]], tuple[Token, ...]]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock", timeout=LOCK_S, mode=0o600):
                self._write(_Content(tokens=change(self.read())))
        except OSError as error:
            raise SettingsError(f"{self.path} cannot be written: {error}") from error

    def _write(self, content: _Content) -> None:
        """Replace the file by a complete one."""
        text = content.model_dump_json(indent=2) + "\n"
        replace_private_file(local_place(self.path), text.encode())

    def _check_mode(self, mode: int) -> None:
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            hint = f"Make it yours alone: chmod 600 {self.path}"
            raise SettingsError(f"{self.path} can be read or written by others.", hint=hint)


def digest_of(secret: bytes) -> str:
    """What is kept of a token."""
    return hashlib.sha256(secret).hexdigest()


def _made(name: str, secret: str, workspaces: Sequence[Path] | None, admin: bool) -> Token:
    try:
        return Token(
            name=name,
            sha256=digest_of(secret.encode()),
            workspaces=None if workspaces is None else tuple(map(_folder, workspaces)),
            created=datetime.now(UTC).replace(microsecond=0),
            admin=admin,
        )
    except ValidationError as error:
        hint = "A name has up to 64 letters, digits, and any of . @ + - _"
        raise SettingsError(f"{name!r} is no name for a token.", hint=hint) from error


def _folder(path: Path) -> Path:
    folder = local_place(path)
    if not folder.is_dir():
        raise SettingsError(f"There is no folder {path}.")
    return folder
