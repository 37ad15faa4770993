"""An editor that types real files into a real language server, and knows what became of each text.

It follows every character by itself: it moves, swaps, formats, undoes and deletes, and so knows
which accepted characters stand where, without looking for them. Its truth is what a report of the
server's telemetry must say. `python -m tests.e2e.typist ACCEPTS` compares the two at any size.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telemetry.alignment import levenshtein, utf16_units
from telemetry.report import build
from tests.e2e.language_client import Client

WINDOWS = (30, 120, 300)
SOURCES = ("textwrap", "bisect", "heapq", "shlex", "fnmatch", "string", "queue", "sched")


@dataclass
class Text:
    """A document's characters, each with the acceptance that brought it, or None."""

    characters: str = ""
    owners: list[int | None] = field(default_factory=list)

    def __add__(self, other: Text) -> Text:
        return Text(self.characters + other.characters, self.owners + other.owners)

    def __getitem__(self, part: slice) -> Text:
        return Text(self.characters[part], self.owners[part])

    def lines(self) -> list[Text]:
        found, at = [], 0
        for line in self.characters.splitlines(keepends=True):
            found.append(self[at : at + len(line)])
            at += len(line)
        return found

    def of(self, owner: int) -> str:
        """What stands between the first and the last character of an acceptance."""
        places = [at for at, one in enumerate(self.owners) if one == owner]
        return self.characters[places[0] : places[-1] + 1] if places else ""


def plain(characters: str, owner: int | None = None) -> Text:
    return Text(characters, [owner] * len(characters))


def joined(parts: list[Text]) -> Text:
    return sum(parts, Text())


class Typist:
    """Types one file; `accepted` has the text of each acceptance and when it was."""

    def __init__(self, client: Client, uri: str, source: str, seed: int) -> None:
        self.client, self.uri, self.rng = client, uri, random.Random(seed)
        self.text, self.version, self.now_ms = plain("# typed\n"), 1, 0
        self.counts: Counter[str] = Counter()
        self.accepted: list[tuple[str, int]] = []
        self.retained: dict[int, list[bool]] = {window: [] for window in WINDOWS}
        lines = source.splitlines(keepends=True)
        self.lines = [line for line in lines if line.isascii() and len(line) > 12]
        item = {"uri": uri, "languageId": "python", "version": 1, "text": self.end}
        client.notify("textDocument/didOpen", {"textDocument": item})

    def position(self, offset: int) -> dict[str, int]:
        before = self.text.characters[:offset]
        return {"line": before.count("\n"), "character": offset - before.rfind("\n") - 1}

    def change(self, *edits: tuple[int, int, Text], whole: bool = False) -> None:
        """Edits of one notification, each from start to end; or the whole text as they leave it."""
        changes: list[dict[str, Any]] = []
        for start, end, new in edits:
            range_ = {"start": self.position(start), "end": self.position(end)}
            changes.append({"range": range_, "text": new.characters})
            self.text = self.text[:start] + new + self.text[end:]
        if whole:
            changes = [{"text": self.text.characters}]
        self.version += 1
        document = {"uri": self.uri, "version": self.version}
        params = {"textDocument": document, "contentChanges": changes}
        self.client.notify("textDocument/didChange", params)

    def wait(self, seconds: float) -> str:
        """Let time pass; what is to be checked meanwhile is as it is now."""
        until_ms = self.now_ms + round(1000 * seconds)
        for owner, (text, accepted_ms) in enumerate(self.accepted):
            for window in WINDOWS:
                if self.now_ms < accepted_ms + 1000 * window <= until_ms:
                    self.retained[window].append(is_kept(text, self.text.of(owner)))
        answer = self.client.request("test/wait", {"ms": until_ms - self.now_ms}).get(timeout=60)
        self.now_ms = until_ms
        return str(answer["result"])

    def complete(self) -> dict[str, Any] | None:
        """Ask at the end of the text; the first item."""
        context = {"triggerKind": 1}
        place = {"textDocument": {"uri": self.uri}, "position": self.position(len(self.end))}
        params = {**place, "context": context}
        answer = self.client.request("textDocument/inlineCompletion", params).get(timeout=60)
        items: list[dict[str, Any]] = answer["result"]["items"]
        return items[0] if items else None

    @property
    def end(self) -> str:
        return self.text.characters

    def offer(self, text: str) -> None:
        """Have a text shown at the end of the document."""
        plan = {"anchor": self.end[-60:], "text": text}
        self.client.request("test/plan", plan).get(timeout=60)
        assert self.complete() is not None
        self.counts["shown"] += 1

    def type(self, characters: str) -> None:
        """Type at the end, key by key, asking after each."""
        for character in characters:
            self.wait(0.1)
            self.change((len(self.end), len(self.end), plain(character)))
            self.complete()

    def accept(self, rest: str) -> None:
        owner = len(self.accepted)
        self.accepted.append((rest, self.now_ms))
        self.change((len(self.end), len(self.end), plain(rest, owner)))
        self.counts["accepted"] += 1

    def round(self) -> None:
        """A line is offered and taken, typed or refused; then something happens to the text."""
        line = self.rng.choice(self.lines).rstrip("\n") + f"  # {self.version}"
        self.offer(line)
        self.wait(self.rng.uniform(0.3, 2))
        fate = self.rng.choice(("taken", "taken", "taken", "typed along", "typed", "refused"))
        if fate == "refused":
            self.change((len(self.end), len(self.end), plain("~")))
        elif fate == "typed":
            self.type(line)
        else:
            typed = self.rng.randint(3, 8) if fate == "typed along" else 0
            self.type(line[:typed])
            self.accept(line[typed:])
        self.change((len(self.end), len(self.end), plain("\n")))
        self.wait(self.rng.uniform(1, 20))
        if self.accepted and len(self.text.lines()) > 14:
            self.rng.choice(HAPPENINGS)(self)
            self.wait(self.rng.uniform(1, 20))

    def some_accepted(self) -> tuple[int, int]:
        """The line of one of the last accepted texts that are there: its start and its end."""
        there = sorted({owner for owner in self.text.owners if owner is not None})
        at = self.text.owners.index(self.rng.choice(there[-6:])) if there else 0
        start = self.end.rfind("\n", 0, at) + 1
        return start, self.end.index("\n", at) + 1

    def whole_document(self) -> None:
        """A change at both ends, sent as the whole text."""
        last = self.end.rfind("\n", 0, -1) + 1
        self.change((last, last, plain("# below\n")), (0, 0, plain("# above\n")), whole=True)

    def format(self) -> None:
        """A formatter replaces all, with other space."""
        lines = self.text.lines()
        parts = [line[1:] if line.characters[0] == " " else plain("  ") + line for line in lines]
        self.change((0, len(self.end), joined(parts)))

    def move(self) -> None:
        """A line goes ten lines up, in two notifications."""
        start, end = self.some_accepted()
        line = self.text[start:end]
        self.change((start, end, Text()))
        lines = self.text.lines()
        at = max(self.end[:start].count("\n") - 10, 0)
        to = sum(len(one.characters) for one in lines[:at])
        self.change((to, to, line))

    def swap(self) -> None:
        """Two lines change places in one edit."""
        start, end = self.some_accepted()
        if end < len(self.end):
            after = self.end.index("\n", end) + 1
            self.change((start, after, self.text[end:after] + self.text[start:end]))

    def undo_and_redo(self) -> None:
        start, end = self.some_accepted()
        line = self.text[start:end]
        self.change((start, end, Text()))
        self.wait(2)
        self.change((start, start, line))

    def carets(self) -> None:
        """The same is typed at two places."""
        start, _ = self.some_accepted()
        self.change((start, start, plain("x")), (0, 0, plain("x")))

    def remove(self) -> None:
        start, end = self.some_accepted()
        self.change((start, end, Text()), whole=self.rng.random() < 0.5)

    def rewrite(self) -> None:
        """The last third of a line, or most of it, becomes something else."""
        start, end = self.some_accepted()
        keep = self.rng.choice((0.2, 0.8))
        cut = start + round(keep * (end - 1 - start))
        self.change((cut, end - 1, plain("@" * (end - 1 - cut))))


HAPPENINGS = (
    Typist.whole_document,
    Typist.format,
    Typist.move,
    Typist.swap,
    Typist.undo_and_redo,
    Typist.carets,
    Typist.remove,
    Typist.rewrite,
)


def is_kept(before: str, after: str) -> bool:
    """CPR's rule: at least two thirds are there."""
    distance = levenshtein(utf16_units(before), utf16_units(after))
    return bool(after) and distance <= 0.33 * max(len(before), len(after))


def compare(folder: Path, accepts: int, seed: int = 0) -> dict[str, Any]:
    """Type until so many are accepted; what is true and what the report says."""
    command = [sys.executable, "-m", "tests.telemetry.lsp_process", str(folder / "telemetry")]
    pipe = subprocess.PIPE
    typists: list[Typist] = []
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        client = Client(process)
        params: dict[str, Any] = {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}}
        client.request("initialize", params).get(timeout=60)
        client.notify("initialized", {})
        while sum(len(typist.accepted) for typist in typists) < accepts:
            name = SOURCES[len(typists) % len(SOURCES)]
            source = Path(sys.modules[name].__file__ or "") if name in sys.modules else None
            source = source or Path(textwrap_folder(), f"{name}.py")
            uri = (folder / f"{len(typists)}.py").as_uri()
            typist = Typist(client, uri, source.read_text("utf-8"), seed + len(typists))
            while len(typist.accepted) < min(40, accepts):
                typist.round()
            typist.wait(400)
            typists.append(typist)
        client.request("shutdown", None).get(timeout=60)
        client.notify("exit", None)
        process.wait(60)
    return compared(typists, folder / "telemetry")


def textwrap_folder() -> str:
    return str(Path(json.__file__).parents[1])


def compared(typists: list[Typist], telemetry: Path) -> dict[str, Any]:
    figures = build(telemetry, now_ms=1, include_late=True).overall
    counts: Counter[str] = sum((typist.counts for typist in typists), Counter())
    acceptance = figures["acceptance"]
    result = {
        "accepted": counts["accepted"],
        "shown": {"true": counts["shown"], "reported": acceptance.n},
        "acceptance": {
            "true": counts["accepted"] / counts["shown"],
            "reported": acceptance.value,
        },
    }
    for window in WINDOWS:
        kept = [one for typist in typists for one in typist.retained[window]]
        figure = figures[f"cpr_{window}"]
        true = {"true": sum(kept) / len(kept), "n_true": len(kept)}
        result[f"cpr_{window}"] = true | {"reported": figure.value, "n": figure.n}
    return result


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(compare(Path(name), int(sys.argv[1])), indent=1))
