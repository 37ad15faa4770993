"""Greedy alternatives: one likeliest text is one text, however often it is asked for.

So choice i begins with the i-th likeliest token at the first place where the model is unsure, and
is greedy from there on; up to there all choices are the same, and the first is greedy throughout.
"""

from torch import Tensor

from completer.engine.sequence import SequenceState

SURE = 0.7
"""A likeliest token of this probability leaves no room for another that a person would want."""
RANKED = 24
"""Tokens that are looked at: some write what others begin with, or nothing worth an alternative."""


def alternative(sequence: SequenceState, position: int, likeliest: int, logits: Tensor) -> int:
    """The token of a greedy choice at `position` of its text: `likeliest`, but for one place.

    `logits` [V] are those that `likeliest` is the best of. What two choices begin with differs, and
    none begins with the other: so their texts differ. Asked again for the same place, it says the
    same.
    """
    if sequence.branched_at not in (None, position):
        return likeliest
    probabilities = logits.float().softmax(-1)
    if probabilities[likeliest] >= SURE:
        return likeliest
    sequence.branched_at = position
    beginnings = _beginnings(sequence, likeliest, probabilities)
    choice = sequence.request.choice
    return beginnings[choice] if choice < len(beginnings) else likeliest


def _beginnings(sequence: SequenceState, likeliest: int, probabilities: Tensor) -> list[int]:
    """The tokens that the choices begin with, the likeliest first."""
    request = sequence.request
    spell = request.spell or str
    tokens, texts = [likeliest], [spell(likeliest)]
    for token in probabilities.topk(min(RANKED, len(probabilities))).indices.tolist():
        text = spell(token)
        if token in request.stop_ids or not text:
            continue
        if not any(text.startswith(each) or each.startswith(text) for each in texts if each):
            tokens.append(token)
            texts.append(text)
    return tokens
