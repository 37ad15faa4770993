"""Why a person is shown nothing, in words for them."""

from completer.request import Completion, FinishReason

_ENDED: dict[FinishReason, str] = {
    "deadline": "nothing was ready in time (completion.deadline_ms)",
    "cancelled": "the request was given up",
    "secret": "what came next looks like a secret",
}


def why_nothing(completion: Completion) -> str:
    """Why a completion has no text, empty if it has one; says if the index was not ready yet."""
    if any(choice.text for choice in completion.choices):
        return ""
    if completion.disabled:
        return completion.disabled
    return _held_back(completion) + ("" if completion.indexed else "; the index is not ready")


def _held_back(completion: Completion) -> str:
    problem, judged = completion.choices[0].problem, completion.confidence
    if problem:
        return f"held back: {problem}"
    if completion.finish_reason == "low_confidence":
        p = judged.probability if judged else None
        return "held back" if p is None else f"held back at p = {p:.2f} of being accepted"
    return _ENDED.get(completion.finish_reason, "nothing to say")
