"""Naive answers to what the kernels answer, and texts that are hard on them."""

from collections import Counter

import numpy as np
from hypothesis import strategies as st

from completer.drafting.tree import DraftSource, DraftTree

DEPTH = 64


def fibonacci_word(n):
    a, b = [0], [0, 1]
    while len(b) < n:
        a, b = b, b + a
    return np.array(b[:n], np.int32)


def thue_morse_word(n):
    return np.array([bin(i).count("1") & 1 for i in range(n)], np.int32)


def hard_texts(n):
    return {
        "one token": np.zeros(n, np.int32),
        "fibonacci": fibonacci_word(n),
        "thue-morse": thue_morse_word(n),
        "random": np.random.default_rng(n).integers(0, 4, n).astype(np.int32),
        "empty": np.empty(0, np.int32),
        "single": np.array([3], np.int32),
    }


def tokens(max_size=60, alphabet=3):
    return st.lists(st.integers(0, alphabet - 1), max_size=max_size).map(
        lambda ids: np.array(ids, np.int32)
    )


def context_of(text, position):
    """The tokens before a position, nearest first, back to a separator (stored tokens)."""
    context = []
    while position > 0 and len(context) < DEPTH:
        position -= 1
        if text[position] == 0:
            break
        context.append(abs(int(text[position])))
    return context


def occurrences(streams, context):
    """Count (length of match, token that followed) over all places; context is in text order."""
    counts = Counter()
    for ids in streams:
        for i, token in enumerate(ids):
            length = 0
            while (
                length < min(i, len(context), DEPTH) and ids[i - 1 - length] == context[-1 - length]
            ):
                length += 1
            if length:
                counts[length, int(token)] += 1
    return counts


def best_path(tree):
    """The tokens of a draft's path that follows the likeliest child everywhere."""
    chosen = []
    for node, parent in enumerate(tree.parents.tolist()):
        if parent == (chosen[-1] if chosen else -1):
            chosen.append(node)
    return tree.token_ids[chosen]


def path_of(ids):
    """A draft without branches."""
    return DraftTree.path(np.array(ids, np.int32), np.ones(len(ids), np.float32), DraftSource.LIVE)
