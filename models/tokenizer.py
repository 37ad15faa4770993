"""A model's tokenizer, and what has to be known of it, whoever has read it."""

from dataclasses import dataclass

from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class ModelTokenizer:
    """A tokenizer; `begin_ids` stand in front of every text, `special_ids` in none."""

    backend_tokenizer: Tokenizer
    begin_ids: tuple[int, ...]
    special_ids: frozenset[int]
