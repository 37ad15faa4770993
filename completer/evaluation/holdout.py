"""Which files of a repository are held out: drawn by seed, together with everything like them.

A held-out file is in no index, for any of its spans: the answer to one span must not be found by
way of another. Its copies, whole or nearly so, would give the answer away and are held out as well.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from completer.context.grammars import has_grammar
from completer.context.workspace import SourceFile, Workspace, WorkspaceOptions
from completer.errors import BadRequestError
from completer.evaluation.kinds import Kind
from completer.evaluation.parsed_file import ParsedFile
from completer.evaluation.spans import Span, draw_spans
from completer.place import Place

HELD_OUT_SHARE = 0.25  # of the files; the rest is what completions may use
SMALLEST_FILE = 1_000  # bytes
_COPIED_SHARE = 0.5  # of a file's telling lines, in one other file
_TELLING_LINE = 12  # characters


@dataclass(frozen=True, slots=True)
class Sample:
    """The spans of one repository, and how to open it without the files that they are from."""

    root: Place
    options: WorkspaceOptions
    spans: list[Span]

    @property
    def held_out(self) -> dict[Path, str]:
        """The texts of the files that spans are from."""
        return {span.source.path: span.source.text for span in self.spans}

    def usable_texts(self) -> list[str]:
        """Read the files that completions may use."""
        workspace = Workspace(self.root, options=self.options)
        texts = (workspace.read(file.path) for file in workspace.iter_files())
        return [text for text in texts if text]


def draw_sample(root: Path, counts: Mapping[Kind, int], seed: int) -> Sample:
    """Draw spans, so many of each kind. The same files, arguments and seed give the same spans.

    Raises `WorkspaceError` when `root` is not a folder, `BadRequestError` when it has no code.
    """
    workspace = Workspace(root)
    files = list(workspace.iter_files())
    sources = [
        ParsedFile(file.path, file.language, text)
        for file in _draw_files(root, files, seed)
        if (text := workspace.read(file.path)) is not None
    ]
    held_out = sorted(workspace.relative(path) for path in _with_copies(sources, workspace, files))
    return Sample(
        workspace.root,
        WorkspaceOptions(exclude=tuple(map(_pattern, held_out))),
        [s for kind, count in counts.items() for s in draw_spans(sources, kind, count, seed)],
    )


def _draw_files(root: Path, files: Sequence[SourceFile], seed: int) -> list[SourceFile]:
    candidates = [
        file for file in files if file.size >= SMALLEST_FILE and has_grammar(file.language)
    ]
    if not candidates:
        raise BadRequestError(
            f"{root} has no file of at least {SMALLEST_FILE:,} bytes in a language that can be"
            " parsed.",
            hint="Name a folder of Python, JavaScript, TypeScript, Go, Rust, Java, C or C++ code.",
        )
    count = max(1, round(len(candidates) * HELD_OUT_SHARE))
    return random.Random(seed).sample(candidates, count)


def _with_copies(
    sources: Sequence[ParsedFile], workspace: Workspace, files: Sequence[SourceFile]
) -> Iterator[Path]:
    """Yield the sources' paths and the files that have most of the telling lines of one of them."""
    wanted = {source.path: _telling_lines(source.text) for source in sources}
    for file in files:
        lines = _telling_lines(workspace.read(file.path) or "")
        copied = any(len(lines & its) > len(its) * _COPIED_SHARE for its in wanted.values())
        if copied or file.path in wanted:
            yield file.path


def _telling_lines(text: str) -> frozenset[str]:
    lines = map(str.strip, text.split("\n"))
    return frozenset(line for line in lines if len(line) >= _TELLING_LINE)


def _pattern(relative: str) -> str:
    """Write a path as a `.gitignore` pattern that matches it alone."""
    return "/" + re.sub(r"[\\*?\[\] ]", r"\\\g<0>", relative)
