"""What the drafting benchmark runs on: indexed streams, held-out files, spans to produce.

Either a file of cases (packages of this interpreter, their held-out files, spans as token ranges)
or any folder of code, of which six files are held out by seed and one-line spans are drawn.
"""

import json
import random
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from completer.context.workspace import Workspace
from completer.errors import BadRequestError

Int32s = NDArray[np.int32]
Encode = Callable[[Sequence[str]], list[Int32s]]
Streams = dict[str, Int32s]

HELD_OUT_FILES = 6
SPANS_PER_FILE = 20
PREFIX_TOKENS, SUFFIX_TOKENS = 2048, 1024
_SMALLEST, _LARGEST = 200, 400_000  # characters of a file
_LEFT_OUT = ("/test", "/idlelib/", "ensurepip", "site-packages")


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Tokens [begin, end) of a held-out file, to be produced between what is around them."""

    file: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class DraftCases:
    """A package: its token streams by file name, and what is held out of them."""

    name: str
    streams: Streams
    held_out: list[str]
    spans: list[TokenSpan] = field(default_factory=list)
    held_out_for_spans: list[str] = field(default_factory=list)

    def indexed(self, held_out: Sequence[str]) -> Streams:
        """Return the streams that are not held out."""
        return {name: ids for name, ids in self.streams.items() if name not in set(held_out)}


def cases_of_file(path: Path, encode: Encode) -> Iterator[DraftCases]:
    """Read a file of cases; the packages are those of this interpreter, whatever their versions."""
    for name, entry in json.loads(path.read_text("utf-8")).items():
        walk, fim = entry["oracle_walk"], entry["fim"]
        yield DraftCases(
            name,
            _encode_all(_package_files(name), encode),
            walk["held_out"],
            [TokenSpan(*span) for span in fim["one_line"]],
            fim["held_out"],
        )


def cases_of_folder(root: Path, encode: Encode, seed: int) -> DraftCases:
    """Hold six files of a folder out, and draw one-line spans in them.

    Raises BadRequestError if the folder has too few files of a useful size.
    """
    workspace = Workspace(root)
    texts = {
        workspace.relative(file.path): text
        for file in workspace.iter_files()
        if (text := workspace.read(file.path)) and _SMALLEST <= len(text) <= _LARGEST
    }
    rng = random.Random(seed)
    useful = sorted(name for name, text in texts.items() if len(text) >= 10 * _SMALLEST)
    if len(useful) <= HELD_OUT_FILES:
        raise BadRequestError(
            f"{root} has {len(useful)} files of 2,000 characters or more; "
            f"the benchmark holds {HELD_OUT_FILES} out and needs others to index"
        )
    held_out = rng.sample(useful, HELD_OUT_FILES)
    streams = _encode_all(texts, encode)
    spans = [span for name in held_out for span in _line_spans(name, texts[name], encode, rng)]
    return DraftCases(root.name, streams, held_out, spans, held_out)


def _package_files(name: str) -> dict[str, str]:
    """Return the texts of a package of this interpreter; "stdlib" is the standard library."""
    base = Path(sysconfig.get_path("stdlib" if name == "stdlib" else "purelib"))
    texts = {}
    for path in sorted((base if name == "stdlib" else base / name).rglob("*.py")):
        relative = path.relative_to(base).as_posix()
        if name == "stdlib" and any(part in f"/{relative}" for part in _LEFT_OUT):
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        if _SMALLEST <= len(text) <= _LARGEST:
            texts[relative] = text
    return texts


def _encode_all(texts: dict[str, str], encode: Encode) -> Streams:
    return dict(zip(texts, encode(list(texts.values())), strict=True))


def _line_spans(name: str, text: str, encode: Encode, rng: random.Random) -> Iterator[TokenSpan]:
    """Draw rests of lines: from some character of a line to its end, as ranges of tokens."""
    lines = text.splitlines(keepends=True)
    chosen = [i for i, line in enumerate(lines) if len(line.strip()) >= 12]
    for i in sorted(rng.sample(chosen, min(SPANS_PER_FILE, len(chosen)))):
        indent = len(lines[i]) - len(lines[i].lstrip())
        before = "".join(lines[:i]) + lines[i][: rng.randrange(indent, len(lines[i].rstrip()) - 4)]
        through = "".join(lines[:i]) + lines[i].rstrip()
        begin, end = (len(ids) for ids in encode([before, through]))
        if end > begin >= 32:
            yield TokenSpan(name, begin, end)


def load_encoder(tokenizer: Tokenizer) -> Encode:
    """Return a batch encoder from a `tokenizers.Tokenizer`."""

    def encode(texts: Sequence[str]) -> list[Int32s]:
        encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [np.array(encoding.ids, np.int32) for encoding in encodings]

    return encode
