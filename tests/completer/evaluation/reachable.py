"""Finds a text in anything that can be reached from an object, whatever it is written in."""

import gc
from collections.abc import Collection, Iterator, Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from completer.drafting.live_text import LiveText
from completer.drafting.suffix_tree import NEXT, PREVIOUS, TOKEN
from completer.engine.kv_cache import Slot

Ids = np.ndarray[Any, np.dtype[np.int64]]
_OUTSIDE = (ModuleType, type, BuiltinFunctionType, torch.nn.Module, torch.Tensor, Tokenizer)


def holders(
    root: object, texts: Collection[str], tokenizer: Tokenizer, apart: tuple[type, ...] = ()
) -> list[str]:
    """Names the types of reachable objects that hold one of `texts` as characters or token ids.

    Objects of the types `apart` are not looked into. The tokenizer must give a text the same ids
    wherever it stands: one token per byte does.
    """
    wanted = [
        np.asarray(tokenizer.encode(t, add_special_tokens=False).ids, np.int64) for t in texts
    ]
    return [type(each).__name__ for each in reachable(root, apart) if _holds(each, texts, wanted)]


def reachable(root: object, apart: tuple[type, ...] = ()) -> Iterator[Any]:
    """Every object that can be reached, without what code and models are made of."""
    waiting, seen = [root], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, _OUTSIDE + apart):
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, FunctionType):  # its globals are all of Python
            waiting.extend((each.__closure__, each.__defaults__, each.__kwdefaults__))
        elif not isinstance(each, Slot):  # behind its length there is nothing, but left-over ids
            waiting.extend(gc.get_referents(each))


def _holds(each: object, texts: Collection[str], wanted: Sequence[Ids]) -> bool:
    if isinstance(each, str):
        return any(text in each for text in texts)
    if isinstance(each, bytes | bytearray):
        return any(text.encode() in each for text in texts)
    return any(_has_run(ids, run) for ids in _ids(each) for run in wanted)


def _ids(each: object) -> Iterator[Ids]:
    if isinstance(each, Slot):
        yield each.tokens[: each.length].astype(np.int64)
    elif isinstance(each, LiveText):
        yield from (ids - 1 for ids in _texts(each))
    elif isinstance(each, np.ndarray) and each.dtype.kind in "iu":
        yield each.astype(np.int64).ravel()
        yield np.abs(each.astype(np.int64).ravel()) - 1  # where 0 parts texts
    elif isinstance(each, list | tuple) and each and all(isinstance(i, int) for i in each):
        yield np.asarray(each, np.int64)


def _texts(live: LiveText) -> Iterator[Ids]:
    """The texts of a tree of linked tokens, each from its first to its last."""
    nodes = live.nodes
    for first in np.flatnonzero((nodes[:, TOKEN] != 0) & (nodes[:, PREVIOUS] == 0)):
        text, at = [], int(first)
        while at:
            text.append(int(nodes[at, TOKEN]))
            at = int(nodes[at, NEXT])
        yield np.asarray(text, np.int64)


def _has_run(ids: Ids, wanted: Ids) -> bool:
    if len(ids) < len(wanted):
        return False
    starts = np.flatnonzero(ids[: len(ids) - len(wanted) + 1] == wanted[0])
    return any(np.array_equal(ids[at : at + len(wanted)], wanted) for at in starts)
