"""What tells whether a completion will be accepted: named numbers about it as it stands.

None of them says which text it is: they may be stored where source text may not.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from completer.context.surroundings import Surroundings
from completer.engine.stop_policy import TokenSignals

Features = Mapping[str, float]

_NOT_YET = 0.5  # neither a logarithm nor a number of characters: the completion goes on
_LEAST = 1e-6  # a probability below it is as bad as this
_PLACES = (  # what stands before the caret, by the place's number
    re.compile(r"\A\s*\Z"),  # 0: nothing but indentation
    re.compile(r"\w\Z"),  # 1: inside a word, or behind one
    re.compile(r"\.\Z"),  # 2: a member of something
    re.compile(r"[(\[{]\Z"),  # 3: the first of a list
    re.compile(r",\s*\Z"),  # 4: the next of a list
    re.compile(r"[=:]\s*\Z"),  # 5: a value
)
_STATEMENTS = (  # what is found first in the caret's line, by the statement's number
    re.compile(r"(?:from|import|use|using|#include|package)\b"),
    re.compile(r"(?:def|class|fn|func|function|struct|interface)\b|@"),
    re.compile(r"(?:if|elif|else|while|for|with|switch|case|match|try|except|catch)\b"),
    re.compile(r"(?:return|yield|raise|throw|assert|await)\b"),
    _GIVEN := re.compile(r"[\w.\[\]'\"]\s*[:=]"),  # a value, or a type and a value
    re.compile(r"[\w.]\("),
)


@dataclass(frozen=True, slots=True)
class CaretFeatures:
    """Where a completion begins. `place` and `statement` are numbers from the lists above."""

    column: int
    place: int
    statement: int
    in_text: bool
    """In a comment or string."""
    inside_line: bool
    """Something stands behind the caret on its line."""
    several_lines: bool
    """More than the line was asked for."""

    @classmethod
    def of(cls, around: Surroundings, *, several_lines: bool) -> "CaretFeatures":
        """Look around a caret."""
        line = around.line
        return cls(
            column=len(line.strip()),
            place=_first_found(_PLACES, line),
            statement=_statement(line),
            in_text=around.where != "code",
            inside_line=bool(around.rest.strip()),
            several_lines=several_lines,
        )

    @property
    def features(self) -> Features:
        """Return them as named numbers."""
        return {
            "column": self.column,
            "place": self.place,
            "statement": self.statement,
            "in_text": self.in_text,
            "inside_line": self.inside_line,
            "several_lines": self.several_lines,
        }


@dataclass(slots=True)
class Progress:
    """The signals of all tokens of one completion so far."""

    caret: CaretFeatures
    tokens: list[TokenSignals] = field(default_factory=list)

    def features(self, text: str, *, ended: bool) -> Features:
        """Describe the completion, of which `text` has been generated; `ended` says all of it."""
        own = [log_probability(each.model) for each in self.tokens]
        entropies = [each.entropy for each in self.tokens]
        sure = sureness(self.tokens)
        return {
            **sure,
            "characters": len(text.strip()),
            "lines": text.rstrip().count("\n"),
            "ended": ended,
            "whole_log_probability": sure["log_probability"] if ended else _NOT_YET,
            "whole_lowest_log_probability": sure["lowest_log_probability"] if ended else _NOT_YET,
            "whole_characters": len(text.strip()) if ended else _NOT_YET,
            "mean_model_log_probability": sum(own) / len(own),
            "lowest_model_log_probability": min(own),
            "lowest_margin": min(each.margin for each in self.tokens),
            "last_margin": self.tokens[-1].margin,
            "first_entropy": entropies[0],
            "mean_entropy": sum(entropies) / len(entropies),
            "first_repository": self.tokens[0].repository,
            "first_allowed": log_probability(self.tokens[0].allowed),
            **self.caret.features,
        }


def _first_found(patterns: tuple[re.Pattern[str], ...], line: str) -> int:
    """Return the number of the first pattern that is found, or how many there are."""
    return next((i for i, each in enumerate(patterns) if each.search(line)), len(patterns))


def _statement(line: str) -> int:
    """Return the number of the first statement that is found in a line, or how many there are."""
    upto_value = line[: line.rfind("=") + 1]  # cut once, not looked for behind each colon
    lines = (upto_value if each is _GIVEN else line for each in _STATEMENTS)
    found = (each.search(text) for each, text in zip(_STATEMENTS, lines, strict=True))
    return next((i for i, match in enumerate(found) if match), len(_STATEMENTS))


def sureness(tokens: Sequence[TokenSignals]) -> Features:
    """Sum up how sure one or more tokens were."""
    chosen = [log_probability(each.probability) for each in tokens]
    count = len(chosen)
    return {
        "tokens": count,
        "log_probability": sum(chosen),
        "mean_log_probability": sum(chosen) / count,
        "lowest_log_probability": min(chosen),
        "first_log_probability": chosen[0],
        "last_log_probability": chosen[-1],
        "highest_entropy": max(each.entropy for each in tokens),
        "mean_repository": sum(each.repository for each in tokens) / count,
        "lowest_repository": min(each.repository for each in tokens),
        "lowest_allowed": min(log_probability(each.allowed) for each in tokens),
    }


def log_probability(probability: float) -> float:
    """Return the natural logarithm of a probability, of `_LEAST` where it is less."""
    return math.log(max(probability, _LEAST))
