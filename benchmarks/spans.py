"""Places to complete: one-line spans of files that are held out of a folder of source code."""

import keyword
import random
import re
import string
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from completer.context.prompt import Prompt, PromptBuilder
from completer.context.workspace import Workspace, WorkspaceOptions
from completer.errors import BadRequestError
from completer.place import local_place
from completer.request import CompletionRequest

SMALLEST_FILE = 2_000  # characters; shorter ones have no thousand tokens of context


@dataclass(frozen=True, slots=True)
class Span:
    """A caret in a file: the text on both sides of the gap, and the text that belongs there."""

    path: Path
    prefix: str
    middle: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Split:
    """A folder's files: the texts to index, and the held-out ones by path."""

    indexed: list[str]
    held_out: dict[Path, str]

    def workspace(self, corpus: Path) -> Workspace:
        """The corpus as a workspace in which the held-out files are not there."""
        names = (path.relative_to(local_place(corpus)).as_posix() for path in self.held_out)
        return Workspace(corpus, options=WorkspaceOptions(exclude=tuple(f"/{n}" for n in names)))


def default_corpus() -> Path:
    """Python's standard library: there wherever this program runs."""
    return Path(sysconfig.get_path("stdlib"))


def split(corpus: Path, *, held_out: int, seed: int) -> Split:
    """Hold out some files, drawn by `seed`. Raises `BadRequestError` when there are too few."""
    workspace = Workspace(corpus)
    texts = {
        file.path: text
        for file in workspace.iter_files()
        if file.language == "python" and (text := workspace.read(file.path)) is not None
    }
    candidates = sorted(path for path, text in texts.items() if len(text) >= SMALLEST_FILE)
    if len(candidates) < 2 * held_out:
        raise BadRequestError(
            f"{corpus} has {len(candidates)} python files of at least {SMALLEST_FILE}"
            f" characters; {2 * held_out} are needed.",
            hint="Name a larger folder with --corpus.",
        )
    chosen = set(random.Random(seed).sample(candidates, held_out))
    return Split(
        indexed=[text for path, text in texts.items() if path not in chosen],
        held_out={path: texts[path] for path in sorted(chosen)},
    )


def one_line_spans(files: dict[Path, str], count: int, seed: int) -> list[Span]:
    """Draw `count` distinct carets whose line goes on with at least five visible characters."""
    rng = random.Random(seed)
    candidates = list(_code_lines(files))
    spans: dict[tuple[Path, int], Span] = {}
    for _ in range(count * 20):
        if len(spans) == count:
            break
        path, start, line = rng.choice(candidates)
        indentation = len(line) - len(line.lstrip())
        caret = start + rng.randrange(indentation, max(indentation + 1, len(line) - 5))
        end = start + len(line)
        text = files[path]
        spans[path, caret] = Span(path, text[:caret], text[caret:end], text[end:])
    return list(spans.values())


def prompts_at(spans: Sequence[Span], builder: PromptBuilder) -> list[Prompt]:
    """Build the prompt of each span."""
    return [
        builder.build(CompletionRequest(prefix=span.prefix, suffix=span.suffix)) for span in spans
    ]


def whole_line_spans(files: dict[Path, str], count: int, seed: int) -> list[Span]:
    """Draw `count` lines to be typed from their indentation to their end."""
    rng = random.Random(seed)
    candidates = list(_code_lines(files))
    spans = []
    for path, start, line in rng.sample(candidates, min(count, len(candidates))):
        caret, end = start + len(line) - len(line.lstrip()), start + len(line)
        text = files[path]
        spans.append(Span(path, text[:caret], text[caret:end], text[end:]))
    return spans


def with_unseen_names(files: dict[Path, str], seed: int) -> dict[Path, str]:
    """Give every name but the keywords a random one, so that no index has seen the text."""
    rng = random.Random(seed)
    return {path: _rename(text, rng) for path, text in files.items()}


def _rename(text: str, rng: random.Random) -> str:
    names: dict[str, str] = {}

    def unseen(match: re.Match[str]) -> str:
        name = match.group()
        if keyword.iskeyword(name):
            return name
        return names.setdefault(name, "".join(rng.choices(string.ascii_lowercase, k=len(name))))

    return re.sub(r"[A-Za-z_]\w+", unseen, text)


def _code_lines(files: dict[Path, str]) -> Iterator[tuple[Path, int, str]]:
    """Yield file, offset and text of lines that are long enough and no comments."""
    for path, text in files.items():
        offset = 0
        for line in text.split("\n"):
            visible = line.strip()
            if len(visible) >= 8 and not visible.startswith(("#", '"""', "'''")):
                yield path, offset, line
            offset += len(line) + 1
