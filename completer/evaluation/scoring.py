"""Whether an answer is what stood there: exact match and edit similarity, by kind of span.

An answer may say more than was asked for, so each kind compares a part of it:

- `rest_of_line`, `whole_line`: its first line
- `lines`: its first k lines, if k lines were masked
- `syntax_node`: as many characters as the node has

White space at the ends of lines, and around a node, counts for nothing. A match is exact when that
part equals what was masked; a node's last word must not go on behind it. Edit similarity is
1 - (Levenshtein's distance / length of the longer one) of the two, from 0 to 1.
"""

from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from completer.evaluation.kinds import Kind


@dataclass(frozen=True, slots=True)
class Score:
    """How an answer compares with the truth."""

    exact: bool
    similarity: float


def score(kind: Kind, truth: str, answer: str) -> Score:
    """Compare an answer with what was masked."""
    wanted = without_line_ends(truth).strip()
    said, rest = _comparable(kind, wanted, answer)
    goes_on = kind is Kind.SYNTAX_NODE and _is_word(wanted[-1:]) and _is_word(rest[:1])
    return Score(said == wanted and not goes_on, Levenshtein.normalized_similarity(said, wanted))


def _comparable(kind: Kind, wanted: str, answer: str) -> tuple[str, str]:
    """Split an answer into the part that is compared and what it says beyond."""
    if kind is Kind.SYNTAX_NODE:
        answer = without_line_ends(answer).lstrip()
        return answer[: len(wanted)].rstrip(), answer[len(wanted) :]
    lines = answer.split("\n")
    count = wanted.count("\n") + 1
    return without_line_ends("\n".join(lines[:count])), "\n".join(lines[count:])


def without_line_ends(text: str) -> str:
    """Drop the white space that lines end with."""
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
