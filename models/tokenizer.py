"""A model's tokenizer, and what has to be known of it, whoever has read it."""

from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class ModelTokenizer:
    """A tokenizer; `begin_ids` stand in front of every text, `special_ids` in none."""

    backend_tokenizer: Tokenizer
    begin_ids: tuple[int, ...]
    special_ids: frozenset[int]


def read_tokenizer_file(file: Path) -> Tokenizer:
    """Read a tokenizer.json; raises `ValueError` for a damaged one."""
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library has no error of its own
        raise ValueError(str(error)) from error
