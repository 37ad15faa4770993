"""Repository context: pieces of the package's other files that share names with the text."""

from __future__ import annotations

import re

import numpy as np
from tokenizers import Tokenizer

from models.training.shards import Group, Shard
from models.training.tokenizer import FILE, REPOSITORY, encode, mark_id

CANDIDATES = 6  # pieces looked at for each one taken
_NAME = re.compile(r"[A-Za-z_]\w{3,}")


def repository_context(
    shard: Shard,
    group: Group,
    document: int,
    text: str,
    size: int,
    tokenizer: Tokenizer,
    rng: np.random.Generator,
) -> list[int]:
    """At most `size` ids to come before a FIM example; none where the group has no other file.

    The layout is `<|repo_name|>package⏎`, then for each piece `<|file_sep|>path⏎text⏎`, at the end
    `<|file_sep|>path⏎` of the file to complete.
    """
    others = [index for index in range(group.first, group.last) if index != document]
    if not others:
        return []
    repository, file = mark_id(tokenizer, REPOSITORY), mark_id(tokenizer, FILE)
    head = [repository, *encode(tokenizer, f"{group.package}\n")]
    tail = [file, *encode(tokenizer, f"{shard.paths[document]}\n")]
    names = set(_NAME.findall(text))
    pieces: list[int] = []
    while (room := size - len(head) - len(pieces) - len(tail)) >= 64:
        path, piece = _best_piece(
            shard, others, names, int(rng.integers(64, max(65, room))), tokenizer, rng
        )
        pieces += [file, *encode(tokenizer, f"{path}\n{piece}\n")][:room]
    return [*head, *pieces, *tail] if pieces else []


def _best_piece(
    shard: Shard,
    others: list[int],
    names: set[str],
    size: int,
    tokenizer: Tokenizer,
    rng: np.random.Generator,
) -> tuple[str, str]:
    """The piece, among a few drawn ones, that shares the largest part of its names with `names`."""
    candidates = [
        _piece(shard, int(rng.choice(others)), size, tokenizer, rng) for _ in range(CANDIDATES)
    ]
    return max(candidates, key=lambda candidate: _overlap(candidate[1], names))


def _piece(
    shard: Shard, index: int, size: int, tokenizer: Tokenizer, rng: np.random.Generator
) -> tuple[str, str]:
    ids = shard.document(index)
    start = int(rng.integers(0, max(1, len(ids) - size)))
    text = tokenizer.decode(ids[start : start + size].tolist(), skip_special_tokens=False)
    whole_lines = text[text.find("\n") + 1 :] if start else text
    return shard.paths[index], whole_lines.strip("\n")


def _overlap(text: str, names: set[str]) -> float:
    found = set(_NAME.findall(text))
    return len(found & names) / (len(found) + 8)
