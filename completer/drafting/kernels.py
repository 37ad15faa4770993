"""The entry points of the drafting kernels, bound to the types of their arguments.

Numba looks at the type of every argument of every call; for named tuples of arrays that takes
longer than drafting does. What is called here has been compiled for one set of types, and must be
given these: int32, float64 and the other arrays as they are made below, contiguous.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import typeof

from completer.drafting import growing, predicting
from completer.drafting.calibration import initial_factors
from completer.drafting.coverage import new_coverage
from completer.drafting.places import Texts
from completer.drafting.recycling import new_table, remember
from completer.drafting.scratch import SCRATCH
from completer.drafting.suffix_array import SuffixArray
from completer.drafting.suffix_tree import new_nodes


class Kernels(NamedTuple):
    """The functions that a session calls from Python, step after step."""

    propose: Callable[..., int]
    predict: Callable[..., int]
    predict_tree: Callable[..., None]
    learn: Callable[..., None]
    remember: Callable[..., None]


@cache
def kernels() -> Kernels:
    """Return the kernels; the first call compiles them, or finds them compiled in the cache."""
    nodes, sorted_text = new_nodes(1), SuffixArray.empty(1).parts
    tables = (new_table(), initial_factors(), new_coverage())
    texts = Texts(nodes, nodes, nodes, sorted_text, sorted_text, *tables)
    history, cost, scratch = np.zeros(1, np.int32), np.zeros(1), np.zeros(1, SCRATCH)
    places = np.zeros(1, np.int64)
    tree, rows = (history, history, places), (history, cost, places)
    return Kernels(
        _bind(growing.propose, texts, history, 0, cost, 0.0, scratch),
        _bind(growing.predict, texts, history, 0, scratch),
        _bind(predicting.predict_tree, texts, history, 0, *tree, scratch, *rows),
        _bind(growing.learn, texts, history, 0, scratch),
        _bind(remember, tables[0], history, tables[0]),
    )


def _bind(kernel: Any, *example: object) -> Callable[..., Any]:  # noqa: ANN401 - Numba's
    types = tuple(typeof(value) for value in example)  # type: ignore[no-untyped-call]
    entry: Callable[..., Any] = kernel.compile(types)
    return entry
