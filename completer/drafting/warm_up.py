"""Compiles the drafting kernels before the first request needs them.

On a machine's first start Numba compiles for tens of seconds; afterwards it finds what it compiled
in its cache. A draft that waited for that would be worse than none.
"""

import threading

import numpy as np
from numpy.typing import NDArray

from completer.drafting.drafter import Drafter
from completer.drafting.healing import Healer
from completer.drafting.suffix_array import SuffixArray, join_streams

_lock = threading.Lock()
_done = threading.Event()
_VOCABULARY = 64
_TEXT = np.tile(np.arange(1, 40, dtype=np.int32), 8)


def is_warm() -> bool:
    """Whether drafting can begin without compiling anything."""
    return _done.is_set()


def warm_up() -> None:
    """Draft once from every kind of text; returns at once when that was done before."""
    with _lock:
        if _done.is_set():
            return
        drafter = Drafter(_VOCABULARY)
        drafter.update_file("sorted", _TEXT)
        drafter.corpus.merge()
        drafter.update_file("sorted", _TEXT[:100])
        drafter.set_dependencies([_TEXT])
        drafter.open_document("open", _TEXT[:60])
        drafter.open_document("open", _TEXT[:30])
        drafter.add_completion(_TEXT[:9])
        for context in (_TEXT[:50], _TEXT[:0]):
            _draft(drafter, context)
        drafter.close_document("open")
        drafter.remove_file("sorted")
        drafter.array = SuffixArray.build(join_streams([_TEXT])[0], _VOCABULARY)
        drafter.close()
        _done.set()


def _draft(drafter: Drafter, context: NDArray[np.int32]) -> None:
    costs = np.linspace(1.0, 1.5, 17)
    healer = Healer(["a"] * _VOCABULARY, lambda text: [1] * len(text))
    for heal in (None, healer):
        with drafter.start(context, after=_TEXT[60:90], document="open", heal=heal) as session:
            for branching in (True, False):
                tree = session.propose(16, costs, branching=branching)
                candidates = np.ones((1 + len(tree), 8), np.int32)
                session.observe(tree, [int(_TEXT[50]), 63], candidates)
            session.predict(tree)
