"""How likely an edit is to be made again: a scorecard, fitted to what people did, and judged.

Each file of a package goes from one release to the next, edit by edit from the top; after some of
these, the places where the last edit could be made again are right or not. So what nobody repeats
counts as well. Packages that judge are none of those that are fitted to.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from benchmarks.released_edits import changes, was_made
from benchmarks.releases import Revised, fetch_releases, revised_files
from completer.next_edit.by_example import CARD, Features, candidates, scorecard
from completer.next_edit.edits import Hunk, NextEditRequest
from completer.next_edit.examples import examples
from completer.next_edit.snapshot import Modules
from completer.place import Place, local_place
from completer.stopping.fitting import Example, fit_scorecard
from completer.stopping.reliability import reliability
from completer.stopping.scorecard import Scorecard

THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.8)
_FILES, _STATES = 60, 4  # of a package, and of a file


@dataclass(frozen=True, slots=True)
class State:
    """A file between two releases after its last edit; `made`: what else people did to it."""

    package: str
    path: Place
    text: str
    hunks: tuple[Hunk, ...]
    made: tuple[Hunk, ...]


@dataclass(frozen=True, slots=True)
class Rated:
    """A place where the last edit of a state could be made again, the first of it first."""

    package: str
    state: int
    features: Features
    right: bool


def run(
    *,
    releases: Annotated[
        Path, typer.Option(help="Where pip puts two releases of packages.", metavar="FOLDER")
    ] = Path("build"),
    seed: Annotated[int, typer.Option(help="Draws files and edits.")] = 0,
    write: Annotated[bool, typer.Option(help="Fit the scorecard anew, and save it.")] = False,
) -> dict[str, Any]:
    """Judge, on packages that it was not fitted to, how likely an edit is said to be repeated."""
    drawn = random.Random(seed)
    if write:
        fitted = _rated(releases / "fitted-releases", drawn, fitted=True)
        told = [Example(each.features, each.right, each.package) for each in fitted]
        CARD.write_text(_as_json(fit_scorecard(told)[0]), "utf-8")
        scorecard.cache_clear()
    states, judged = _states_of(releases / "releases", drawn, fitted=False), []
    count = 0
    for count, state in enumerate(states, 1):
        judged += list(_rate(state, count))
    return _figures(scorecard(), judged, count)


def _rated(folder: Path, drawn: random.Random, *, fitted: bool) -> list[Rated]:
    states = enumerate(_states_of(folder, drawn, fitted=fitted))
    return [each for number, state in states for each in _rate(state, number)]


def _states_of(folder: Path, drawn: random.Random, *, fitted: bool) -> Iterator[State]:
    for package in fetch_releases(folder, fitted=fitted):
        files = list(revised_files(folder, [package]))
        for file in drawn.sample(files, min(_FILES, len(files))):
            yield from states_between(file, _STATES, drawn)


def states_between(file: Revised, most: int, drawn: random.Random) -> Iterator[State]:
    """Yield a file after some of its edits, which are made in order; the last is not among them."""
    path, made = local_place(Path("/") / file.name), list(changes(file.old, file.new, 0.0))
    done = list(changes(file.old, file.new))
    chosen = set(drawn.sample(range(max(0, len(done) - 1)), min(most, max(0, len(done) - 1))))
    text, hunks = file.old, []
    for number, (start, old, new) in enumerate(done):
        hunks.append(Hunk(path, start + _shift(done[:number], start), old, new))
        text = hunks[-1].applied(text)
        if number in chosen:
            known = {at for at, _, _ in done[: number + 1]}
            others = tuple(
                Hunk(path, at + _shift(done[: number + 1], at), was, is_now)
                for at, was, is_now in made
                if at not in known
            )
            yield State(file.package, path, text, tuple(hunks), others)


def _shift(done: list[tuple[int, str, str]], at: int) -> int:
    return sum(len(new) - len(old) for start, old, new in done if start < at)


def _rate(state: State, number: int) -> Iterator[Rated]:
    """Say of each place whether people did there what was done before."""
    last, modules = state.hunks[-1], Modules()
    caret = last.start + len(last.new)
    request = NextEditRequest(path=state.path, text=state.text, offset=caret)
    told = [examples(state.hunks, _Alone(state), of_lines=of_lines) for of_lines in (True, False)]
    for made in told if told[0][:1] != told[1][:1] else told[:1]:
        for each, features in candidates(request, made, modules):
            offered = Hunk(state.path, each.start, state.text[each.start : each.end], each.new)
            right = was_made(state.text, offered, state.made)
            yield Rated(state.package, number, features, right)


@dataclass(frozen=True, slots=True)
class _Alone:
    """A state's file, and no other. Implements what is needed of `Files`."""

    state: State

    def text(self, path: Place) -> str | None:
        return self.state.text if path == self.state.path else None

    def name(self, path: Place) -> str:
        return path.name

    def importing(self, name: str) -> list[Place]:
        return []

    def defining(self, name: str) -> list[str]:
        return []


def _figures(card: Scorecard, judged: list[Rated], states: int) -> dict[str, Any]:
    predicted = np.array([card.probability(each.features) for each in judged])
    right = np.array([each.right for each in judged], np.float64)
    rows = []
    for threshold in THRESHOLDS:
        first: dict[int, bool] = {}
        for each, probability in zip(judged, predicted, strict=True):
            if probability >= threshold:
                first.setdefault(each.state, each.right)
        n_right = sum(first.values())
        rows.append(
            {
                "threshold": threshold,
                "offered": round(len(first) / states, 3),
                "right": round(n_right / max(1, len(first)), 3),
                "wrong": round((len(first) - n_right) / states, 3),
            }
        )
    known = len({each.state for each in judged if each.right})
    return {
        "edits": states,
        "could_be_known": round(known / states, 3),
        **{k: v for k, v in reliability(predicted, right).items() if k != "bins"},
        "thresholds": rows,
    }


def _as_json(card: Scorecard) -> str:
    lines = [f'"intercept": {card.intercept}', '"features": {']
    scales = card.to_json()["features"].items()
    told = ",\n".join(f"  {json.dumps(name)}: {json.dumps(scale)}" for name, scale in scales)
    return "{\n" + lines[0] + ",\n" + lines[1] + "\n" + told + "\n}\n}\n"


def table(result: dict[str, Any]) -> Table:
    """Lay the figures out for a person."""
    names = ("threshold", "offered", "right", "wrong")
    title = f"Edits made again: {result['edits']} edits, Brier skill {result['brier_skill']:g}"
    shown = Table(*names, title=f"{title}, calibration error {result['ece']:g}")
    for row in result["thresholds"]:
        shown.add_row(*(f"{row[name]:g}" for name in names))
    return shown
