"""Whose records are whose: the names in the settings, by the hashes under which they are stored."""

from collections.abc import Iterable
from pathlib import Path

from completer.cli.options import identity_file
from completer.errors import BadRequestError
from completer.settings import Settings


def people_by_team(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The names of everybody in `telemetry.teams`."""
    return {team.name: team.people for team in settings.telemetry.teams}


class KnownPeople:
    """Finds people by name in the telemetry at `path`.

    Looking somebody up raises `NoKeyError` where the key of its people is missing.
    """

    def __init__(self, settings: Settings, path: Path) -> None:
        self._teams = people_by_team(settings)
        self._identity = identity_file(settings)
        self._folder = path if path.is_dir() else path.parent

    def teams(self) -> dict[str, str]:
        """The team of each id."""
        return {id_: team for team, names in self._teams.items() for id_ in self._ids(names)}

    def names(self) -> dict[str, str]:
        """The name of each id."""
        everybody = {name for names in self._teams.values() for name in names}
        return {id_: name for name in everybody for id_ in self._ids([name])}

    def chosen(self, team: str | None, user: str | None) -> frozenset[str] | None:
        """The ids of a team or a person, of both together if both are named; None for neither.

        Raises `BadRequestError` for a team that is not in the settings.
        """
        if team is not None and team not in self._teams:
            known = ", ".join(sorted(self._teams)) or "none"
            raise BadRequestError(
                f"There is no team {team!r} in telemetry.teams.", hint=f"There are: {known}."
            )
        ids = [
            self._ids(names)
            for names in (self._teams[team] if team else None, [user] if user else None)
            if names is not None
        ]
        return frozenset.intersection(*ids) if ids else None

    def _ids(self, names: Iterable[str]) -> frozenset[str]:
        from telemetry.privacy import user_ids

        return frozenset(
            id_ for name in names for id_ in user_ids(name, self._folder, self._identity)
        )
