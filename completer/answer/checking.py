"""The last step before an answer is shown: does it parse, and do its names exist?"""

from dataclasses import dataclass

from completer.answer.names_check import unresolved
from completer.answer.postprocess import TextContext, drop_trivial, restore_line_ends, trim_end
from completer.names.evidence import NameEvidence
from completer.request import Problem


@dataclass(frozen=True, slots=True)
class Checked:
    """What is shown of an answer, and what is wrong with that or with what was held back."""

    text: str
    problem: Problem | None = None


def check(
    text: str,
    context: TextContext,
    *,
    syntax: bool = True,
    names: bool = True,
    named: NameEvidence | None = None,
    keep: bool = False,
    unfinished: bool = False,
) -> Checked:
    """Cut an answer before what is surely wrong with it; nothing is left where that is too much.

    With `keep` it stays as it is, and so does an `unfinished` one (the caller's limit of tokens
    ended it) of which nothing would be left; what is wrong is said. Names are checked where
    the context has evidence of them, beside what is known of those `named` in the answer: whole
    lines before the wrong one stay.
    """
    plain = text.replace("\r\n", "\n")
    kept = plain
    problem: Problem | None = None
    if names and context.evidence is not None:
        wrong = unresolved(plain, context.around, context.evidence.with_named(named))
        if wrong:
            kept = plain[: max(0, plain.rfind("\n", 0, wrong[0].start + 1))]
            problem = "name does not exist"
    if syntax and kept:
        end = context.parse_check.end(kept)
        if end < len(kept):
            kept, problem = kept[:end], problem or "does not parse"
    if problem is None:
        return Checked(text)
    if keep:
        return Checked(text, problem)
    for step in (trim_end, drop_trivial, restore_line_ends):
        kept = step(kept, context)
    if kept:
        return Checked(kept)
    return Checked(text if unfinished else "", problem)
