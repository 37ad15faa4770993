"""The curriculum: what the model finds hard is masked more often as training goes on.

After "Improving FIM code completions via context and curriculum based learning": there, hard
syntax nodes are chosen once, before fine-tuning; here difficulty is the running mean loss of the
model in training, by the construct that the caret is in. The kinds of spans keep their shares:
only where a span is cut is chosen by difficulty.
"""

from __future__ import annotations

import numpy as np

from models.training.fim_spans import Source, Span, draw_kind, draw_span

CANDIDATES = 4  # carets of which one is kept
MEMORY = 0.98  # of the running mean, per middle seen


class Curriculum:
    """Counts how hard each category of spans is, and prefers the hard ones more and more.

    Full strength is reached after `steps`; a strength of 0 prefers nothing.
    """

    def __init__(self, strength: float, steps: int) -> None:
        self.difficulty: dict[str, float] = {}  # category -> nats a token
        self._strength = strength
        self._steps = steps
        self._sharpness = 0.0

    def advance(self, step: int) -> None:
        """Say how far training is."""
        self._sharpness = self._strength * min(1.0, step / max(1, self._steps))

    def record(self, category: str, loss: float) -> None:
        """Note the mean loss of one middle, in nats a token."""
        known = self.difficulty.get(category, loss)
        self.difficulty[category] = MEMORY * known + (1 - MEMORY) * loss

    def choose(self, source: Source, rng: np.random.Generator) -> Span:
        """Draw a few spans of one kind and keep one, with odds `exp(sharpness * difficulty)`."""
        kind = draw_kind(rng)
        if self._sharpness == 0.0 or not self.difficulty:
            return draw_span(source, kind, rng)
        typical = float(np.mean(list(self.difficulty.values())))
        spans = [draw_span(source, kind, rng) for _ in range(CANDIDATES)]
        hardness = [self.difficulty.get(span.category, typical) for span in spans]
        odds = np.exp(self._sharpness * np.asarray(hardness))
        return spans[int(rng.choice(CANDIDATES, p=odds / odds.sum()))]
