"""Tokenizers for tests of healing: a small one, made of its pieces, and the bundled model's."""

from collections.abc import Sequence
from importlib.resources import files

import numpy as np
from tokenizers import Tokenizer

from completer.drafting.healing import Healer


class Pieces:
    """Reads of the known pieces the longest one, from left to right.

    A piece of `INCOMPLETE` stands for half a character.
    """

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.healer = Healer(pieces, self.encode)

    def encode(self, text: str) -> list[int]:
        ids = []
        while text:
            fits = [piece for piece in self.pieces if piece and text.startswith(piece)]
            longest = max(fits, key=len)
            ids.append(self.pieces.index(longest))
            text = text[len(longest) :]
        return ids

    def ids(self, *pieces: str) -> np.ndarray:
        return np.array([self.pieces.index(piece) for piece in pieces], np.int32)

    def read(self, ids: Sequence[int]) -> list[str]:
        return [self.pieces[token] for token in ids]


def bundled_healer() -> Healer:
    path = files("models") / "bundled" / "tokenizer.json"
    tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
    pieces = tokenizer.decode_batch([[token] for token in range(tokenizer.get_vocab_size())])
    return Healer(pieces, lambda text: tokenizer.encode(text).ids)
