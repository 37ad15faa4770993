"""How kernels are compiled: kept on disk, without the interpreter's lock, without reference counts.

Numba counts the references to every array of a tuple that a function is given, with atomic
instructions, wherever the function branches: for `places.Texts` that took most of the time of a
proposal. Kernels hold no array longer than their caller does; nor can they make any.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

kernel: Callable[[F], F] = njit(cache=True, nogil=True, _nrt=False)  # type: ignore[call-overload]
"""Compiles a function that makes no array."""
