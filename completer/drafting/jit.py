"""How kernels are compiled: kept on disk, without the interpreter's lock, without reference counts.

Numba counts the references to every array of a tuple that a function is given, with atomic
instructions, wherever the function branches: for `places.Texts` that took most of the time of a
proposal. Kernels hold no array longer than their caller does; nor can they make any.

It also compiles a function once more for every constant, every width of integers and every enum
that it is called with. All are passed as int64, which spares a third of the time of the first
start. Numba has no option for that, so a kernel is a dispatcher of a class of our own. What it
overrides, and the option `_nrt`, are internals of Numba: `tests/completer/drafting/test_jit.py`
fails where they no longer do what is said here.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from numba import types
from numba.core.registry import CPUDispatcher

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = {"nopython": True, "nogil": True, "_nrt": False, "boundscheck": None}


class _Kernel(CPUDispatcher):
    """A compiled function that other kernels call with int64 for all integers."""

    def get_call_template(self, args: Sequence[Any], kws: Any) -> Any:  # noqa: ANN401
        """Return the type of a call with arguments of these types, compiling for it if need be."""
        return super().get_call_template(tuple(map(_widened, args)), kws)


def kernel(function: F) -> F:
    """Compile a function that makes no array."""
    compiled: Any = _Kernel(function, targetoptions=dict(_OPTIONS))
    compiled.enable_caching()
    return compiled  # type: ignore[no-any-return]


def _widened(argument: Any) -> Any:  # noqa: ANN401  Numba's types
    plain: Any = types.unliteral(argument)  # type: ignore[no-untyped-call]
    if isinstance(plain, types.IntEnumMember):
        return types.int64
    signed = isinstance(plain, types.Integer) and plain.signed  # type: ignore[attr-defined]
    return types.int64 if signed else plain
