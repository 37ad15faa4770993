"""From answers to the figures that `completer eval` prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from completer.evaluation.run import Answer
from completer.evaluation.statistics import Pairs, difference_interval, mcnemar, wilson
from completer.evaluation.validity import Validity

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Examined:
    """A model's name, the dtype it ran in, and its answers by repository."""

    model: str
    dtype: str
    answers: dict[str, list[Answer]]

    @property
    def all_answers(self) -> list[Answer]:
        """The answers of all repositories."""
        return [answer for answers in self.answers.values() for answer in answers]


def report(examined: Examined) -> Figures:
    """Everything about one model: by kind of span, overall and by repository."""
    return {
        "model": examined.model,
        "dtype": examined.dtype,
        "repo": ", ".join(examined.answers),
        "spans": _by_kind(examined.all_answers),
        "by_repo": {repo: _by_kind(answers) for repo, answers in examined.answers.items()},
    }


def comparison(first: Examined, second: Examined) -> Figures:
    """Everything about a second model, and `paired` with the first on the same spans."""
    pairs = list(zip(first.all_answers, second.all_answers, strict=True))
    kinds = {one.span.kind: None for one, _ in pairs}
    return {
        **report(second),
        "paired": {
            kind: paired_figures([pair for pair in pairs if pair[0].span.kind == kind])
            for kind in kinds
        },
    }


def figures(answers: Sequence[Answer]) -> Figures:
    """Shares from 0 to 1, tokens and forward passes for an answer, latency in ms.

    `low` and `high` bound exact match with 95 % confidence. `steps` counts the pass over the
    prompt too, since it gives the first token.
    """
    n = len(answers)
    exact = sum(answer.score.exact for answer in answers)
    low, high = wilson(exact, n)
    tokens = sum(answer.stats.generated_tokens for answer in answers)
    steps = sum(answer.stats.steps + 1 for answer in answers)
    p50, p95 = np.percentile([answer.stats.total_ms for answer in answers], (50, 95))
    return {
        "n": n,
        "exact_match": round(exact / n, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "edit_similarity": round(sum(answer.score.similarity for answer in answers) / n, 4),
        "answered": round(sum(bool(answer.text) for answer in answers) / n, 4),
        **_validity([a.validity for a in answers if a.validity is not None]),
        "tokens": round(tokens / n, 2),
        "steps": round(steps / n, 2),
        "tokens_per_step": round(tokens / steps, 3),
        "latency_ms": {"p50": round(float(p50), 1), "p95": round(float(p95), 1)},
    }


def _validity(found: Sequence[Validity]) -> Figures:
    """Shares of the answers shown that can be judged, and of truths that would not be shown."""
    if not found:
        return {}
    parse = [each.parses for each in found if each.parses is not None]
    names = [each.names_exist for each in found if each.names_exist is not None]
    return {
        "parse": round(sum(parse) / len(parse), 4) if parse else None,
        "names_exist": round(sum(names) / len(names), 4) if names else None,
        "names_judged": len(names),
        "right_held_back": round(1 - sum(each.truth_kept for each in found) / len(found), 4),
    }


def paired_figures(pairs: Sequence[tuple[Answer, Answer]]) -> Figures:
    """Exact match of the first less that of the second, its 95 % interval, McNemar's p-value."""
    right = [(one.score.exact, other.score.exact) for one, other in pairs]
    counts = Pairs(
        both=right.count((True, True)),
        only_first=right.count((True, False)),
        only_second=right.count((False, True)),
        none=right.count((False, False)),
    )
    low, high = difference_interval(counts)
    return {
        "n": counts.n,
        "only_first": counts.only_first,
        "only_second": counts.only_second,
        "difference": round(counts.difference, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "p_value": mcnemar(counts),
    }


def _by_kind(answers: Sequence[Answer]) -> dict[str, Figures]:
    kinds = {answer.span.kind: None for answer in answers}
    return {kind: figures([a for a in answers if a.span.kind == kind]) for kind in kinds}
