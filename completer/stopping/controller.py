"""The stop controller: ends what will not be accepted, and keeps what is worth showing.

After each token it asks for the calibrated probability that the line being written will
be accepted as it ends, with all lines before it. Below the threshold the completion is over: it is
cut back to the last line end at which it was still worth showing, or in its first line to the
beginning that promises most, or nothing is shown. (After "When Neural Code Completion Models Size
up the Situation": stop before computing the other tokens.) Drafts have no say in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from completer.answer.text_policy import TextPolicy
from completer.engine.stop_policy import Stop, TokenSignals
from completer.request import Confidence
from completer.stopping.beginnings import describe, most_promising, places
from completer.stopping.features import CaretFeatures, Progress
from completer.stopping.scorecard import Scorecard


@dataclass(frozen=True, slots=True)
class CutRule:
    """Which beginning of a line that is given up may be shown: at least as probable as that."""

    card: Scorecard
    threshold: float


@dataclass(frozen=True, slots=True)
class Rule:
    """When to give up: below `threshold`, the acceptance probability from which a text is shown.

    Without a `card` every completion goes on, and only its features are noted: for calibration.
    Without `cutting` nothing of a line is shown that is given up.
    """

    card: Scorecard | None
    threshold: float
    cutting: CutRule | None = None


@dataclass(slots=True)
class StopController:
    """Accompanies one completion, around the rules about its text; a `StopPolicy`.

    With `explores`, what would be held back is shown nevertheless. `exploration` is the chance of
    that: what is learned from what people accept must not be of what was worth showing alone.
    """

    rules: TextPolicy
    caret: CaretFeatures
    rule: Rule
    language: str | None = None
    explores: bool = False
    exploration: float = 0.0
    judged: list[Confidence] = field(default_factory=list, init=False)
    _progress: Progress = field(init=False)
    _safe: int = field(default=0, init=False)
    _gave_up: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._progress = Progress(self.caret)

    @property
    def wants_signals(self) -> bool:
        """Whether it reads probabilities: yes, every token's."""
        return True

    @property
    def text(self) -> str:
        """The text so far, cut where it ends."""
        return self.rules.text

    @property
    def withheld(self) -> bool:
        """Whether the text ended because it became a secret."""
        return self.rules.withheld

    def after_token(
        self, ids: Sequence[int], signals: TokenSignals | None, *, ended: bool
    ) -> Stop | None:
        """Let the rules about text judge, then the probability of being accepted."""
        stop = self.rules.after_token(ids, signals, ended=ended)
        if signals is not None:
            self._progress.tokens.append(signals)
        self.judged.append(self._judge(ended=ended or stop is not None))
        if self._gave_up and not self.explores:
            return Stop("low_confidence", self.rules.cut(ids, self._safe or self._cut_back(ids)))
        self._safe = max(self._safe, self.text.rstrip().rfind("\n"))
        return stop

    def beginnings(self, ids: Sequence[int]) -> tuple[Confidence, ...]:
        """Return the places where the text that `ids` wrote could be cut back to."""
        ends = [len(self.rules.decode(ids[:count])) for count in range(1, len(ids) + 1)]
        signals = self._progress.tokens
        card = None if self.rule.cutting is None else self.rule.cutting.card
        found = []
        for place in places(self.text, self.language):
            features = describe(place, self.text, ends, signals, self.caret)
            if features is not None:
                probability = None if card is None else card.probability(features)
                found.append(
                    Confidence(
                        probability=probability,
                        propensity=1.0,
                        text_length=place,
                        features=features,
                    )
                )
        return tuple(found)

    def release(self, *, final: bool = False) -> str:
        """Return the text that became certain since the last call; all of it when `final`."""
        certain = self.rule.card is None or self.explores
        return self.rules.release(final=final, upto=None if certain else self._safe)

    def _cut_back(self, ids: Sequence[int]) -> int:
        """Return where the line ends of which a beginning is shown, and note how sure that is."""
        if self.rule.cutting is None:
            return 0
        best = most_promising(self.text, self.rule.cutting.threshold, self.beginnings(ids))
        if best is None:
            return 0
        self.judged.append(best)
        return best.text_length

    def _judge(self, *, ended: bool) -> Confidence:
        """Work out the probability, and whether it is too low."""
        features = self._progress.features(self.text, ended=ended)
        probability = None
        if self.rule.card is not None:
            probability = self.rule.card.probability(features)
            self._gave_up |= probability < self.rule.threshold
        return Confidence(
            probability=probability,
            propensity=self.exploration if self._gave_up else 1.0,
            text_length=len(self.text),
            features=features,
        )
