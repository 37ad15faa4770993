"""How many replicas there are."""

from __future__ import annotations

from dataclasses import dataclass

from completer.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Scale:
    """From how many replicas to how many, and the share of a GPU that each gets (0: a CPU)."""

    least: int = 1
    most: int = 1
    gpus: float = 0.0

    @classmethod
    def of(cls, replicas: str, gpus: float = 0.0) -> Scale:
        """Read `N` or `MIN:MAX`; raises `SettingsError` for anything else."""
        least, _, most = replicas.partition(":")
        if not (least.isdecimal() and (most or least).isdecimal()):
            raise SettingsError(f"{replicas!r} is no number of replicas.", hint="4, or 1:4.")
        scale = cls(int(least), int(most or least), gpus)
        if not 0 <= scale.least <= scale.most or scale.most < 1 or gpus < 0:
            raise SettingsError(f"{replicas!r} replicas cannot be.", hint="1:4 is from 1 to 4.")
        return scale
