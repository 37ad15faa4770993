"""Where a completion could be cut back to a beginning that is right by itself, and how sure it is.

A line that goes wrong often begins well: `path, mode)` where `path)` is wanted. So the places are
found where something ends that a person could accept and type on from, and each is described by how
sure the tokens before it were, and how unsure the first one behind it.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from completer.context.brackets import BRACKET, OPENED_BY
from completer.context.lexical import blank_out, tokens
from completer.engine.stop_policy import TokenSignals
from completer.request import Confidence
from completer.stopping.features import CaretFeatures, Features, log_probability, sureness

_READ_MEANWHILE = 10
_MOST = 24
_END = re.compile(r"""[\w)\]}"'`](?![\w.(\["'`])""")
_GOES_ON = re.compile(
    r"\b(?:as|and|await|case|else|elif|extends|for|from|if|implements|import|in|instanceof|is|lambda"
    r"|let|new|not|of|or|raise|return|throw|typeof|var|const|while|yield)\Z"
)
_FOLLOWING = (  # what stands behind the place, by its number
    re.compile(r"\s*(?:\n|\Z)"),  # 0: the end of the line
    re.compile(r"\s*,"),
    re.compile(r"\s*[)\]}]"),
    re.compile(r"\s*:"),
    re.compile(r"\s*=(?!=)"),
    re.compile(r"\s+\w"),  # 5: a word
)


def places(text: str, language: str | None) -> Iterator[int]:
    """Yield where `text` could be cut in its first line: at most `_MOST` places, none its end.

    There a name, a bracket or a string ends that nothing is done with, and every bracket is closed
    that the text has opened.
    """
    over = list(tokens(text, language))
    code = blank_out(text, over)
    opened = position = count = 0
    for found in _END.finditer(text, 0, text.find("\n") % (len(text) + 1)):
        for bracket in BRACKET.finditer(code, position, found.end()):
            opened += 1 if bracket[0] not in OPENED_BY else -(opened > 0)
        position = found.end()
        inside = any(each.start < position < each.end for each in over)
        ends = not (opened or inside or _GOES_ON.search(text, 0, position))
        if ends and position < len(text.rstrip()):
            yield position
            count += 1
            if count == _MOST:
                return


def describe(
    place: int,
    text: str,
    ends: Sequence[int],
    signals: Sequence[TokenSignals],
    caret: CaretFeatures,
) -> Features | None:
    """Describe the beginning of `text` before `place`, which holds while the text goes on.

    `ends` are the characters that the first tokens write, one for each token of `signals`; the
    token that `place` is inside of counts as one before it. `None` where no token follows yet.
    """
    count = bisect_left(ends, place) + 1
    if count > len(ends) or count >= len(signals):
        return None
    following = signals[count]
    return {
        **sureness(signals[:count]),
        "characters": len(text[:place].strip()),
        "following_log_probability": log_probability(following.probability),
        "following_margin": following.margin,
        "following_entropy": following.entropy,
        "inside_token": ends[count - 1] > place,
        "end": ")]}\"'`".find(text[place - 1]) // 3,
        "following": _following(text, place),
        **caret.features,
    }


def is_beginning(features: Features) -> bool:
    """Whether `describe` made these features, of a text that was cut back."""
    return "following" in features


def most_promising(
    text: str, threshold: float, beginnings: Iterable[Confidence]
) -> Confidence | None:
    """Return the beginning of `text` that promises most; `None` if all are below the threshold.

    It promises its characters, and as many as its reader could have typed meanwhile, times its
    probability.
    """
    promises = [
        (each.probability * (len(text[: each.text_length].strip()) + _READ_MEANWHILE), each)
        for each in beginnings
        if each.probability is not None and each.probability >= threshold
    ]
    return max(promises, key=lambda each: each[0], default=(0.0, None))[1]


def _following(text: str, place: int) -> int:
    """Return the number of what stands behind a place, or how many there are."""
    kinds = (number for number, each in enumerate(_FOLLOWING) if each.match(text, place))
    return next(kinds, len(_FOLLOWING))
