"""Which files of a repository are held out: drawn by seed, together with everything like them.

A held-out file is in no index, for any of its spans: the answer to one span must not be found by
way of another. Its copies, whole or nearly so, would give the answer away and are held out as well.
"""

import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from completer.context.grammars import has_grammar
from completer.context.workspace import Workspace, WorkspaceOptions
from completer.errors import BadRequestError
from completer.evaluation.kinds import Kind
from completer.evaluation.source import Source
from completer.evaluation.spans import Span, draw_spans

HELD_OUT_SHARE = 0.25  # of the files; the rest is what completions may use
SMALLEST_FILE = 1_000  # characters
_COPIED_SHARE = 0.5  # of a file's telling lines, in one other file
_TELLING_LINE = 12  # characters


@dataclass(frozen=True, slots=True)
class Sample:
    """The spans of one repository, and how to open it without the files that they are from."""

    root: Path
    workspace: WorkspaceOptions
    spans: list[Span]


def draw_sample(root: Path, kinds: Sequence[Kind], count: int, seed: int) -> Sample:
    """Draw `count` spans of each kind. The same files, arguments and seed give the same spans.

    Raises `WorkspaceError` when `root` is not a folder, `BadRequestError` when it has no code.
    """
    workspace = Workspace(root)
    texts: dict[Path, str] = {}
    languages: dict[Path, str] = {}
    for file in workspace.iter_files():
        if (text := workspace.read(file.path)) is not None:
            texts[file.path] = text
            languages[file.path] = file.language
    drawn = _draw_files(root, texts, languages, seed)
    sources = [Source(path, languages[path], texts[path]) for path in drawn]
    held_out = [workspace.relative(path) for path in sorted({*drawn, *_copies(drawn, texts)})]
    return Sample(
        workspace.root,
        WorkspaceOptions(exclude=tuple(map(_pattern, held_out))),
        [span for kind in kinds for span in draw_spans(sources, kind, count, seed)],
    )


def _draw_files(
    root: Path, texts: Mapping[Path, str], languages: Mapping[Path, str], seed: int
) -> list[Path]:
    candidates = sorted(
        path
        for path, text in texts.items()
        if len(text) >= SMALLEST_FILE and has_grammar(languages[path])
    )
    if not candidates:
        raise BadRequestError(
            f"{root} has no file of at least {SMALLEST_FILE:,} characters in a language that can"
            " be parsed.",
            hint="Name a folder of Python, JavaScript, TypeScript, Go, Rust, Java, C or C++ code.",
        )
    count = max(1, round(len(candidates) * HELD_OUT_SHARE))
    return sorted(random.Random(seed).sample(candidates, count))


def _copies(drawn: Collection[Path], texts: Mapping[Path, str]) -> Iterator[Path]:
    """Yield the files that have most of the telling lines of a drawn one."""
    wanted = {path: _telling_lines(texts[path]) for path in drawn}
    for path, text in texts.items():
        lines = _telling_lines(text)
        if any(len(lines & its) > len(its) * _COPIED_SHARE for its in wanted.values()):
            yield path


def _telling_lines(text: str) -> frozenset[str]:
    lines = map(str.strip, text.split("\n"))
    return frozenset(line for line in lines if len(line) >= _TELLING_LINE)


def _pattern(relative: str) -> str:
    """Write a path as a `.gitignore` pattern that matches it alone."""
    return "/" + re.sub(r"[\\*?\[\] ]", r"\\\g<0>", relative)
