"""Who asks, told by their token, and which workspaces they may use."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from completer.errors import SettingsError
from completer.http.options import HttpOptions
from completer.http.tokens import Token, TokenFile, digest_of
from completer.place import Place, local_place

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """Whose a request is. `by_token` says that a token told so, and nothing else may.

    An admin sees everybody's figures.

    `workspaces` are the only ones that may be used, all others are as if they were not there;
    `None` stands for every one that is served but those of `others`.
    """

    user: str = ""
    workspaces: frozenset[Place] | None = None
    by_token: bool = False
    is_admin: bool = False
    others: frozenset[Place] = frozenset()

    @property
    def is_limited(self) -> bool:
        """Whether some workspace may not be used, be it served or not."""
        return self.workspaces is not None or bool(self.others)

    def among(self, served: Iterable[Place]) -> tuple[Place, ...]:
        """Return those of the served workspaces that may be used."""
        only = self.workspaces
        return tuple(
            root for root in served if root not in self.others and (only is None or root in only)
        )


ANYBODY = Access()
NOBODY = Access(workspaces=frozenset())


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach, or have, the address of an end of a connection."""
    parsed = ipaddress.ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


class Accesses:
    """The tokens that count now: a change of their file does at once."""

    def __init__(self, options: HttpOptions) -> None:
        self._always = options.needs_token
        self._people = options.people
        self._fixed = [
            (digest_of(secret.encode("utf-8", "surrogateescape")), Access(user, by_token=True))
            for secret, user in options.tokens.items()
        ]
        self._file = None if options.token_file is None else TokenFile(options.token_file)
        self._seen: object = None
        self._bad: object = None
        self._listed: list[tuple[str, Access]] = []
        if self._file is not None:
            self._seen = _signature(self._file.path)
            self._listed = _listed(self._file.read())

    def of(self, secret: bytes | None) -> Access | None:
        """Who shows this token, or none; `None` for those who may not ask."""
        found = self._shown(secret)
        if found is None or not self._people:
            return found
        others = (
            root
            for root, people in self._people.items()
            if not found.by_token or (people is not None and found.user not in people)
        )
        return replace(found, others=frozenset(others))

    def _shown(self, secret: bytes | None) -> Access | None:
        self._refresh()
        known = [*self._fixed, *self._listed]
        if not known and not self._always:
            return ANYBODY
        if secret is None:
            return None
        given = digest_of(secret)
        found = [access for digest, access in known if hmac.compare_digest(digest, given)]
        return found[0] if found else None

    def _refresh(self) -> None:
        """Read the file again if it has changed; a bad one changes nothing."""
        if self._file is None or (now := _signature(self._file.path)) == self._seen:
            return
        try:
            self._listed = _listed(self._file.read())
            self._seen = now
        except SettingsError as error:
            if now != self._bad:
                logger.error("the tokens stay as they were: %s %s", error, error.hint)  # noqa: TRY400
            self._bad = now


def _listed(tokens: Sequence[Token]) -> list[tuple[str, Access]]:
    return [
        (
            token.sha256,
            Access(
                token.name,
                None if token.workspaces is None else frozenset(map(local_place, token.workspaces)),
                by_token=True,
                is_admin=token.admin,
            ),
        )
        for token in tokens
    ]


def _signature(path: Path) -> object:
    """Something that another content does not have; each change makes another file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.errno
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
