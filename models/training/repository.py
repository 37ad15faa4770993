"""Repository context: pieces of the package's other files that share names with the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from tokenizers import Tokenizer

from models.training.shards import Group, Shard
from models.training.tokenizer import FILE, REPOSITORY, encode, mark_id

CANDIDATES = 6  # pieces looked at for each one taken
SMALLEST_PIECE = 64  # tokens
COMMON = 8  # names that every text has; they keep short pieces from winning
_NAME = re.compile(r"[A-Za-z_]\w{3,}")


class RepositoryContext:
    """Finds what to put before an example, in the layout of Qwen2.5-Coder.

    The layout is `<|repo_name|>package⏎`, for each piece `<|file_sep|>path⏎piece⏎`, and at the end
    `<|file_sep|>path⏎` of the file to complete.
    """

    def __init__(self, shard: Shard, tokenizer: Tokenizer) -> None:
        self._shard = shard
        self._tokenizer = tokenizer
        self._repository = mark_id(tokenizer, REPOSITORY)
        self._file = mark_id(tokenizer, FILE)

    def before(
        self, group: Group, document: int, text: str, size: int, rng: np.random.Generator
    ) -> list[int]:
        """About `size` ids to stand before a text of a document; none if the group has no other."""
        others = [index for index in range(group.first, group.last) if index != document]
        if not others:
            return []
        head = [self._repository, *encode(self._tokenizer, f"{group.package}\n")]
        tail = self._headed(self._shard.paths[document])
        room = size - len(head) - len(tail)
        pieces = list(self._pieces(others, set(_NAME.findall(text)), room, rng))
        return [*head, *(token for piece in pieces for token in piece), *tail] if pieces else []

    def _pieces(
        self, others: list[int], names: set[str], room: int, rng: np.random.Generator
    ) -> Iterator[list[int]]:
        """Headed pieces until the room is used up."""
        while room >= SMALLEST_PIECE:
            size = int(rng.integers(SMALLEST_PIECE, room + 1))
            candidates = [
                self._piece(int(rng.choice(others)), size, rng) for _ in range(CANDIDATES)
            ]
            path, text = max(candidates, key=lambda candidate: _overlap(candidate[1], names))
            piece = [*self._headed(path), *encode(self._tokenizer, f"{text}\n")][:room]
            room -= len(piece)
            yield piece

    def _piece(self, index: int, size: int, rng: np.random.Generator) -> tuple[str, str]:
        """Path and whole lines of about `size` tokens, from anywhere in a document."""
        ids = self._shard.document(index)
        start = int(rng.integers(0, max(1, len(ids) - size)))
        piece = ids[start : start + size].tolist()
        text = self._tokenizer.decode(piece, skip_special_tokens=False)
        whole_lines = text[text.find("\n") + 1 :] if start else text
        return self._shard.paths[index], whole_lines.strip("\n")

    def _headed(self, path: str) -> list[int]:
        return [self._file, *encode(self._tokenizer, f"{path}\n")]


def _overlap(text: str, names: set[str]) -> float:
    """The share of a text's names that are among `names`."""
    found = set(_NAME.findall(text))
    return len(found & names) / (len(found) + COMMON)
