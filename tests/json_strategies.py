"""Anything that JSON can say, and valid bodies with something wrong in them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn, valid: Any) -> Any:
    """`valid` with one of its parts replaced by anything, or left out."""
    if not isinstance(valid, (dict, list)) or not valid or draw(st.booleans()):
        return draw(values)
    copy = valid.copy()
    key = draw(st.sampled_from(list(copy) if isinstance(copy, dict) else range(len(copy))))
    if draw(st.integers(0, 4)) == 0:
        del copy[key]
    else:
        copy[key] = draw(mutated(copy[key]))
    return copy
