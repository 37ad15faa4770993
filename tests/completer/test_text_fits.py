"""Whatever true text a model says, and however far it runs on, the file is not damaged.

Carets in real lines of all languages that have a grammar, and of some that do not pair brackets.
The model says the middle, or any beginning of it and what follows it.
"""

import argparse
import random
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from completer.answer.postprocess import ENDS, TextContext, own_block_end, postprocess
from completer.answer.suffix_overlap import SuffixOverlap
from completer.context.grammars import has_grammar
from completer.context.languages import language_of_name
from completer.context.surroundings import Surroundings
from completer.evaluation.holdout import draw_sample
from completer.evaluation.kinds import Kind
from completer.place import local_place

SAMPLES = sorted((Path(__file__).parent.parent / "samples").iterdir())
STANDARD = [Path(str(module.__file__)) for module in (argparse, random, textwrap, tokenize)]
CARETS = 400
RUNS_ON = (0, 0, 1, 2, 5, 20, 80)


class Caret(NamedTuple):
    prefix: str
    middle: str
    suffix: str


def carets(text: str, seed: int) -> Iterator[Caret]:
    """Draw pieces of lines."""
    chance = random.Random(seed)
    lines = text.splitlines(keepends=True)
    for _ in range(CARETS):
        number = chance.randrange(len(lines))
        line = lines[number].rstrip("\n")
        start = chance.randrange(len(line) + 1)
        end = chance.randrange(start, len(line) + 1)
        before = sum(map(len, lines[:number]))
        if end > start:
            yield Caret(text[: before + start], line[start:end], text[before + end :])


@pytest.mark.parametrize("file", [*SAMPLES, *STANDARD], ids=lambda file: file.name)
@pytest.mark.parametrize("known", [True, False], ids=["language", "no language"])
def test_the_answer_is_the_middle_or_a_beginning_of_it(file, known):
    language = language_of_name(file.name) if known else None
    chance = random.Random(file.name)
    for caret in carets(file.read_text(), seed=1):
        said = caret.middle + caret.suffix[: chance.choice(RUNS_ON)]
        said = said[: chance.choice([None, chance.randrange(1, len(said) + 1)])]
        context = TextContext(
            prefix=caret.prefix,
            suffix=caret.suffix,
            language=language,
            multiline=chance.random() < 0.5,
        )
        answer = postprocess(said, context)
        assert caret.middle.startswith(answer), (caret.prefix[-40:], said, caret.suffix[:40])


@pytest.mark.parametrize("file", [*SAMPLES, *STANDARD], ids=lambda file: file.name)
def test_of_a_middle_that_does_not_run_on_nothing_is_cut(file):
    """Except where it ends with the characters that the suffix begins with."""
    language, cut, seen = language_of_name(file.name), 0, 0
    for prefix, middle, suffix in carets(file.read_text(), seed=2):
        around = Surroundings.of(prefix, suffix, language)
        end = SuffixOverlap(around).end(middle)
        overlaps = suffix.startswith(middle[end:]) and end < len(middle)
        assert end == len(middle) or overlaps, (prefix[-40:], middle, suffix[:40])
        seen += 1
        cut += end < len(middle)
    assert cut <= 0.15 * seen  # carets in words with double letters, and in white space


CLOSERS = {"(": ")", "[": "]", "{": "}", '"': '"'}


def open_at(line: str, caret: int) -> str:
    """What an editor has closed behind the caret, in order: brackets and quotes of the line."""
    closers: list[str] = []
    for character in line[:caret]:
        if closers and character == closers[-1]:
            closers.pop()
        elif character in CLOSERS and '"' not in closers:
            closers.append(CLOSERS[character])
    return "".join(reversed(closers))


def closed_twice(line: str) -> bool:
    code, quotes = "", line.split('"')
    code = "".join(quotes[::2])
    return len(quotes) % 2 == 0 or any(
        code.count(opening) < code.count(closer) for opening, closer in ("()", "[]", "{}")
    )


@pytest.mark.parametrize("file", [*SAMPLES, *STANDARD], ids=lambda file: file.name)
def test_what_an_editor_has_closed_is_not_closed_twice(file):
    """The model says the rest of the line, of which the editor has written the closers."""
    text, language = file.read_text(), language_of_name(file.name)
    seen, start = 0, 0
    for line in text.splitlines():
        carets = [i + 1 for i, character in enumerate(line) if character in CLOSERS]
        plain = not closed_twice(line) and "\\" not in line and open_at(line, len(line)) == ""
        for caret in carets if plain and not {"'", "`"} & set(line) else ():
            closed = open_at(line, caret)
            around = TextContext(
                prefix=text[: start + caret],
                suffix=closed + text[start + len(line) :],
                language=language,
            )
            answer = postprocess(line[caret:], around)
            result = line[:caret] + answer + closed
            assert not closed_twice(result), (line, answer, closed)
            assert line[caret:].startswith(answer)
            seen += bool(closed)
        start += len(line) + 1
    assert seen >= (2 if file.suffix == ".md" else 5)


def test_all_languages_with_grammars_have_a_sample():
    sampled = {language_of_name(file.name) for file in [*SAMPLES, *STANDARD]}
    assert {language for language in sampled if has_grammar(language)} == {
        "python", "javascript", "typescript", "typescriptreact", "go", "rust", "java", "c", "cpp",
    }  # fmt: skip


@pytest.mark.slow
def test_true_middles_of_several_lines_stay_as_they_are(tmp_path):
    """1,000 pieces of several lines of the standard library.

    Where a block ends is another question: it is tested in `context/test_blocks.py`.
    """
    seen, ends = 0, [end for end in ENDS if end is not own_block_end]
    for package in ("asyncio", "email", "unittest", "http", "logging", "importlib", "json"):
        folder = tmp_path / package
        folder.mkdir()
        for file in (Path(argparse.__file__).parent / package).glob("*.py"):
            (folder / file.name).write_text(file.read_text())
        sample = draw_sample(local_place(folder), {Kind.SYNTAX_NODE: 400, Kind.LINES: 200}, 1)
        for span in sample.spans:
            if "\n" not in span.truth.strip():
                continue
            seen += 1
            context = TextContext(
                prefix=span.prefix, suffix=span.suffix, language=span.source.language
            )
            text = span.truth.rstrip()
            assert min(end(text, context) for end in ends) == len(text), (span.prefix[-80:], text)
    assert seen >= 1_000
