"""What is asked and what comes back: the dataclasses that all front doors and the service share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from completer.place import Place

FinishReason = Literal[
    "stop", "length", "deadline", "cancelled", "low_confidence", "secret", "disabled"
]
"""Why a completion ended.

`stop`: an end mark, a stop string or a text rule · `length`: `max_tokens` · `deadline`:
`deadline_ms` passed, the text so far is returned · `cancelled`: the caller went away ·
`low_confidence`: what came next would probably not have been accepted · `secret`: what came next
looks like one · `disabled`: nothing is completed there.
"""

Distribution = Literal[
    "model",
    "model+repository",
    "model+names",
    "model+repository+names",
    "early-exit",
    "kept-suffix",
]
"""What the tokens are drawn from: exactly the model's own distribution, or a labelled departure."""

ExitMode = Literal["lossless", "lossy"]
"""Whether early layers only draft, or may also have the last word (`early-exit`)."""

Trigger = Literal["automatic", "manual"]

Problem = Literal["does not parse", "name does not exist"]
"""What is surely wrong with a text where it would stand."""


GREEDY_BELOW = 1e-5
"""Temperatures below this take the likeliest token: only an exact tie could tell the difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen.

    A `temperature` below `GREEDY_BELOW` is greedy, `top_k` 0 means no limit, a `top_p` that no
    token keeps to keeps the likeliest. `seeded` says that the caller chose the `seed`, so that the
    text is to be the same whenever it is asked for.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    seeded: bool = False

    @property
    def greedy(self) -> bool:
        """Whether chance has no part in it."""
        return self.temperature < GREEDY_BELOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """Extra context that a client hands in: a piece of another file."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The arm of an experiment that a person is in, as `EXPERIMENT/ARM`.

    `given` are settings that go before all others, by names such as `completion.max_lines`.
    `model` is another one than that of the settings; empty: the same.
    """

    name: str
    given: tuple[tuple[str, bool | int | float | str | None], ...] = ()
    model: str = ""


ArmOf = Callable[[str], Arm | None]
"""Which arm of an experiment a person is in, by name; an empty one is who runs this process."""


def in_no_arm(person: str) -> None:
    """There is no experiment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """One request: complete between `prefix` and `suffix`.

    `path` is the file's place, or a relative path that is no more than a name, and `workspace` the
    folder whose code may be used; without a workspace, one that contains `path` is chosen.
    `workspace_name` is what that is called, where its folder is called otherwise.
    `may_use` holds the only workspaces that are there for it; `None`: all that are open. `user`
    keeps caches of different people apart. `raw` says that `prefix` already is a whole prompt,
    marks included; it is read into its parts, if it can be (`read_as` then names the layout that it
    was written in), unless it is to stay `as_is`. `polish` asks for the rules of ghost text: end
    with the line or block, repeat nothing that follows; with `withhold`, say nothing where it will
    probably not be accepted. `indent` is what the editor indents a line by (a tab or spaces),
    where the text does not show that; `disabled_in` adds to the setting of that name. `arm` changes
    settings. `with_probabilities` asks for those of the answer's tokens. `None` stands for "as the
    settings say". Times are milliseconds.
    """

    prefix: str
    suffix: str = ""
    path: Path | None = None
    language: str | None = None
    workspace: Place | None = None
    workspace_name: str = ""
    may_use: frozenset[Place] | None = None
    user: str = ""
    snippets: tuple[Snippet, ...] = ()
    prediction: str = ""
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    multiline: bool | None = None
    sampling: Sampling = field(default_factory=Sampling)
    n: int = 1
    deadline_ms: float | None = None
    raw: bool = False
    as_is: bool = False
    read_as: str = ""
    polish: bool = False
    withhold: bool = True
    trigger: Trigger = "automatic"
    indent: str = ""
    disabled_in: tuple[str, ...] = ()
    with_probabilities: bool = False
    arm: Arm | None = None

    @property
    def around_caret(self) -> tuple[str, str]:
        """What stands before and behind the caret; nothing where the prompt is raw."""
        return ("", "") if self.raw else (self.prefix, self.suffix)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeStats:
    """What a request cost. Counts are tokens, times are milliseconds.

    `prompt_tokens` includes `reused_tokens`, whose keys and values were already there, of which
    `kept_tokens` had read another prefix (`suffix_rows` "kept" only). `steps`
    counts forward passes after the prefill; `drafted` tokens went through verification and
    `accepted` of them were kept, by source in `draft_sources`; `predicted` of those that were
    drafted came from the request's prediction. `skipped_layers` were left out by
    early exits, summed over the passes (`exit_mode` "lossy" only). `self_speculation` says whether
    the model's first layers draft where the texts do not, and why or why not. An answer that was
    `cached` tells the prompt that it was computed for, as reused; all else is 0.
    """

    prompt_tokens: int = 0
    reused_tokens: int = 0
    kept_tokens: int = 0
    generated_tokens: int = 0
    steps: int = 0
    drafted: int = 0
    predicted: int = 0
    accepted: int = 0
    draft_sources: tuple[tuple[str, int], ...] = ()
    skipped_layers: int = 0
    self_speculation: str = ""
    context_ms: float = 0.0
    queue_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    draft_ms: float = 0.0
    total_ms: float = 0.0
    load_ms: float = 0.0
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """What was known after a verification step of whether the completion would be accepted.

    `probability` is calibrated, `None` where no calibration is there. `propensity` is the chance
    with which a completion like this is shown. `text_length` counts the characters so far,
    `features` are the numbers that the probability was computed from.
    """

    probability: float | None
    propensity: float
    text_length: int
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One alternative: what to insert at the caret, and the token ids that the model gave.

    `confidence` has an entry for each verification step, where the stop controller went along, and
    one for the beginning that a text was cut back to. `beginnings` are those that it could be cut
    back to, where that is recorded for a calibration. `token_probabilities` are those of
    the tokens and of an end mark, if they were asked for.
    `problem` says what is wrong with the text, if it was asked for by hand, or why it is empty.
    """

    text: str
    finish_reason: FinishReason
    token_ids: tuple[int, ...] = ()
    token_probabilities: tuple[float, ...] = ()
    confidence: tuple[Confidence, ...] = ()
    beginnings: tuple[Confidence, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The answer to one request: at least one choice, the first the best.

    `model` is the model's name, `identity` that with a digest of its weights. `raw_prompt` says
    what became of a raw prompt: the layout that it was read as, or "as it is"; else it is empty.
    `disabled` says why nothing is completed there, `indexed` whether the workspace's code was read.
    """

    id: str
    model: str
    choices: tuple[Choice, ...]
    stats: DecodeStats
    distribution: Distribution = "model"
    exit_mode: ExitMode = "lossless"
    identity: str = ""
    raw_prompt: str = ""
    disabled: str = ""
    indexed: bool = True

    @property
    def text(self) -> str:
        """The first choice's text; empty means that there is nothing worth showing."""
        return self.choices[0].text

    @property
    def confidence(self) -> Confidence | None:
        """What the first choice's last step said of it, where the stop controller went along."""
        steps = self.choices[0].confidence
        return steps[-1] if steps else None

    @property
    def finish_reason(self) -> FinishReason:
        """Why the first choice ended."""
        return self.choices[0].finish_reason


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of streamed text that will not be taken back. `index` names the choice."""

    index: int
    text: str
