"""The curriculum: what the model finds hard is masked more often as training goes on.

After "Improving FIM code completions via context and curriculum based learning": there, hard
syntax nodes are chosen once, before fine-tuning; here difficulty is the running mean loss of the
model in training.
"""

from __future__ import annotations

import numpy as np

from models.training.fim_spans import Span, draw_span

CANDIDATES = 4  # spans of which one is kept
MEMORY = 0.98  # of the running mean, per middle seen


class Curriculum:
    """Counts how hard each category of spans is, and prefers the hard ones more and more."""

    def __init__(self, strength: float) -> None:
        self.difficulty: dict[str, float] = {}  # category -> nats a token
        self._strength = strength
        self._progress = 0.0

    def advance(self, progress: float) -> None:
        """Say how far training is: from 0 (no preference) to 1 (full strength)."""
        self._progress = min(1.0, progress)

    def record(self, category: str, loss: float) -> None:
        """Note the mean loss of one middle, in nats a token."""
        known = self.difficulty.get(category, loss)
        self.difficulty[category] = MEMORY * known + (1 - MEMORY) * loss

    def choose(self, text: str, rng: np.random.Generator) -> Span:
        """Draw a few spans of a text and keep one, with odds `exp(sharpness * difficulty)`."""
        sharpness = self._strength * self._progress
        if sharpness == 0.0 or not self.difficulty:
            return draw_span(text, rng)
        typical = float(np.mean(list(self.difficulty.values())))
        spans = [draw_span(text, rng) for _ in range(CANDIDATES)]
        odds = np.exp([sharpness * self.difficulty.get(s.category, typical) for s in spans])
        return spans[int(rng.choice(CANDIDATES, p=odds / odds.sum()))]
