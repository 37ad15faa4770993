"""What was fitted to a model and a repository: the stop controller and the mixture.

A calibration is one small JSON file that a person can read. The embedded model brings its own;
`completer calibrate` saves others in the user's folder, per model and repository, and keeps the one
before, so that adopting one can be undone.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from completer.errors import CompleterError
from completer.names.evidence import NameKind, NameWeights
from completer.place import Place
from completer.private_files import private_folder, replace_private_file
from completer.stopping.controller import CutRule, Rule
from completer.stopping.scorecard import Scorecard
from models.errors import ModelError
from models.exit_adapters import ExitAdapter, load_exit_adapters
from models.exit_gates import ExitGate, load_exit_gates
from models.loading import LoadedModel
from models.source import BUNDLED, BUNDLED_FOLDER

log = logging.getLogger(__name__)
VERSION = 4
Exit = TypeVar("Exit")
FILE = "calibration.json"
_NUMBERS = re.compile(r"\[[^\[\]{}]*\]")
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Mixture:
    """How much the repository's distribution counts in the model's, from 0 to 1, by language.

    A model that does not know a language leans more on what the repository says in it.
    """

    default: float
    languages: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(0 <= weight <= 1 for weight in (self.default, *self.languages.values())):
            raise ValueError("the weights of a repository have to be from 0 to 1")

    def weight(self, language: str | None) -> float:
        """Return the weight in files of a language."""
        return self.languages.get(language or "", self.default)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {"default": self.default, "languages": dict(self.languages)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read weights. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        languages = {str(name): float(weight) for name, weight in values["languages"].items()}
        return cls(float(values["default"]), languages)


@dataclass(frozen=True, slots=True)
class Calibration:
    """`stopping` and `mixture` are `None` where they did not prove worth it.

    `fitted` says on what and how well, for people. `weights` is the digest of the model that it was
    fitted to.
    """

    stopping: Rule | None = None
    mixture: Mixture | None = None
    fitted: Mapping[str, Any] = field(default_factory=dict)
    names: NameWeights = field(default_factory=dict)
    weights: str = field(default="", compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        stopping = self.stopping and {
            "threshold": self.stopping.threshold,
            "scorecard": self.stopping.card and self.stopping.card.to_json(),
            "beginnings": self.stopping.cutting
            and {
                "threshold": self.stopping.cutting.threshold,
                "scorecard": self.stopping.cutting.card.to_json(),
            },
        }
        return {
            "version": VERSION,
            "weights": self.weights,
            "fitted": dict(self.fitted),
            "mixture": self.mixture and self.mixture.to_json(),
            "names": dict(self.names),
            "stopping": stopping,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read a calibration. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        if values["version"] != VERSION:
            raise ValueError(f"version {values['version']}, but this program reads {VERSION}")
        stopping, mixture = values["stopping"], values["mixture"]
        return cls(
            stopping and _rule(stopping),
            mixture and Mixture.from_json(mixture),
            values["fitted"],
            {NameKind(kind): float(weight) for kind, weight in values["names"].items()},
            values["weights"],
        )


def _rule(values: Mapping[str, Any]) -> Rule:
    cutting = values["beginnings"]
    return Rule(
        Scorecard.from_json(values["scorecard"]),
        values["threshold"],
        cutting and CutRule(Scorecard.from_json(cutting["scorecard"]), cutting["threshold"]),
    )


CalibrationOf = Callable[[Place | None], Calibration]
"""Gives what to use in a repository, or where there is none."""


class Calibrations:
    """The calibrations of one model: for a repository, for all others, or its own."""

    def __init__(self, model: LoadedModel, folder: Path) -> None:
        self._folder = folder / f"model-{model.digest}"
        self._weights = model.digest
        self._width = int(model.model.config.hidden_size)
        self._shipped = BUNDLED_FOLDER / FILE if model.name == BUNDLED else None
        self._known: dict[Place | None, Calibration] = {}

    def of(self, repository: Place | None) -> Calibration:
        """Find what to use in a repository: fitted on it, on others, shipped, or nothing."""
        if repository not in self._known:
            self._known[repository] = self._find(repository)
        return self._known[repository]

    def exit_adapters(self) -> dict[int, ExitAdapter]:
        """What was fitted to the model's exits, by layer; it holds in all repositories."""
        return self._saved_exits(load_exit_adapters, self.exit_files[0])

    def exit_gates(self) -> dict[int, ExitGate]:
        """When a lossy exit is taken, by layer; none where nothing was fitted."""
        return self._saved_exits(load_exit_gates, self.exit_files[1])

    @property
    def exit_files(self) -> tuple[Path, Path]:
        """Where adapters and gates are saved."""
        return self._folder / "exit_adapters.safetensors", self._folder / "exit_gates.safetensors"

    def file(self, repository: Place | None) -> Path:
        """Where the calibration for a repository is saved; for `None`, that for all others."""
        if repository is None:
            return self._folder / FILE
        digest = hashlib.sha256(os.fsencode(repository)).hexdigest()[:16]
        return self._folder / f"{digest}.json"

    def adopt(self, repository: Place | None, calibration: Calibration) -> Path:
        """Save a calibration, keep the one before; return the file."""
        file = self.file(repository)
        calibration = replace(calibration, weights=self._weights)
        private_folder(file.parent)
        if file.exists():
            file.replace(_before(file))
        write(file, calibration)
        self._known.clear()
        return file

    def undo(self, repository: Place | None) -> Path:
        """Take the last adopted calibration back; what was before holds again.

        Raises `CompleterError` when there is none.
        """
        file = self.file(repository)
        if not file.exists():
            raise CompleterError(
                "No calibration has been adopted here.",
                hint="Name the repository and model that `completer calibrate` was run for.",
            )
        before = _before(file)
        if before.exists():
            before.replace(file)
        else:
            file.unlink()
        self._known.clear()
        return file

    def _saved_exits(
        self, load: Callable[[Path, int], dict[int, Exit]], file: Path
    ) -> dict[int, Exit]:
        if not file.exists():
            return {}
        try:
            return load(file, self._width)
        except ModelError as error:
            log.warning("%s is not used: %s", file, error)
            return {}

    def _find(self, repository: Place | None) -> Calibration:
        places = [self.file(None), *([self._shipped] if self._shipped else [])]
        if repository is not None:
            places.insert(0, self.file(repository))
        return next((found for file in places if (found := self._read(file))), Calibration())

    def _read(self, file: Path) -> Calibration | None:
        """Read a file; one that is damaged, or for another model, is as good as none."""
        found = _read(file)
        if found is not None and found.weights != self._weights:
            log.warning("the calibration %s was fitted to another model and is not used", file)
            return None
        return found


def write(file: Path, calibration: Calibration) -> None:
    """Write a calibration, wholly or not at all."""
    text = json.dumps(calibration.to_json(), indent=1)
    on_a_line = _NUMBERS.sub(lambda found: " ".join(found[0].split()), text)
    replace_private_file(file, f"{on_a_line}\n".encode())


def is_calibration(file: Path) -> bool:
    """Whether a file holds a calibration."""
    return _read(file) is not None


def _read(file: Path) -> Calibration | None:
    """Read a file; one that is damaged is as good as none, and said so."""
    if not file.exists():
        return None
    try:
        return Calibration.from_json(json.loads(file.read_text()))
    except _UNREADABLE as error:
        log.warning("the calibration %s cannot be read and is not used: %s", file, error)
        return None


def _before(file: Path) -> Path:
    return file.with_suffix(".before.json")
