"""The byte-level BPE tokenizer with its marks: trained on the corpus, or inherited and extended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
FIM_PREFIX = "<|fim_prefix|>"
FIM_SUFFIX = "<|fim_suffix|>"
FIM_MIDDLE = "<|fim_middle|>"
REPOSITORY = "<|repo_name|>"
FILE = "<|file_sep|>"
MARKS = (END, FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE, REPOSITORY, FILE)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn `vocabulary` tokens, marks included, from texts; marks take the first ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def inherit_tokenizer(folder: Path) -> Tokenizer:
    """A checkpoint's tokenizer; marks it lacks come behind its ids, which keep their meaning."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(
        [AddedToken(mark, special=True, normalized=False) for mark in MARKS]
    )
    return tokenizer


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """Ids of a text in which the spelling of a mark is ordinary characters, never the mark."""
    tokenizer.encode_special_tokens = True
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def mark_id(tokenizer: Tokenizer, mark: str) -> int:
    """The id of a mark; raises ValueError for a tokenizer without it."""
    token = tokenizer.token_to_id(mark)
    if token is None:
        raise ValueError(
            f"the tokenizer has no {mark}: delete the run's corpus folder and start again"
        )
    return int(token)
