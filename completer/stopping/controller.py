"""The stop controller: ends what will not be accepted, and keeps what is worth showing.

After each verification step it asks for the calibrated probability that the line being written will
be accepted as it ends, with all lines before it. Below the threshold the completion is over: it is
cut back to the last line end at which it was still worth showing, or nothing is shown. (After
"When Neural Code Completion Models Size up the Situation": stop before computing the other tokens.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from completer.answer.text_policy import TextPolicy
from completer.engine.stop_policy import StepSignals, Stop
from completer.request import Confidence
from completer.stopping.features import CaretFeatures, Progress
from completer.stopping.scorecard import Scorecard


@dataclass(frozen=True, slots=True)
class Rule:
    """When to give up: below `threshold`, the acceptance probability from which a text is shown.

    Without a `card` every completion goes on, and only its features are noted: for calibration.
    """

    card: Scorecard | None
    threshold: float


@dataclass(slots=True)
class StopController:
    """Accompanies one completion, around the rules about its text; a `StopPolicy`.

    With `explores`, what would be held back is shown nevertheless. `exploration` is the chance of
    that: what is learned from what people accept must not be of what was worth showing alone.
    """

    rules: TextPolicy
    caret: CaretFeatures
    rule: Rule
    explores: bool = False
    exploration: float = 0.0
    steps: list[Confidence] = field(default_factory=list, init=False)
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

    def after_step(self, ids: Sequence[int], signals: StepSignals) -> Stop | None:
        """Let the rules about text judge, then the probability of being accepted."""
        stop = self.rules.after_step(ids, signals)
        self._progress.add(signals)
        self.steps.append(self._judge(ended=signals.ended or stop is not None))
        if self._gave_up and not self.explores:
            return Stop("low_confidence", self.rules.cut(ids, self._safe))
        self._safe = max(self._safe, self.text.rstrip().rfind("\n"))
        return stop

    def release(self, *, final: bool = False) -> str:
        """Return the text that became certain since the last call; all of it when `final`."""
        certain = self.rule.card is None or self.explores
        return self.rules.release(final=final, upto=None if certain else self._safe)

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
