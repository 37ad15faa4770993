"""How kernels are compiled: kept on disk, without the interpreter's lock, without reference counts.

Numba counts the references to every array of a tuple that a function is given, with atomic
instructions, wherever the function branches: for `places.Texts` that took most of the time of a
proposal. Kernels hold no array longer than their caller does; nor can they make any.

It also compiles a function once more for every constant, and every width of integers, that it is
called with. All are passed as int64, which spares a third of the time of the first start.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from numba import njit, types

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function that makes no array."""
    compiled: Any = njit(cache=True, nogil=True, _nrt=False)(function)  # type: ignore[call-overload]
    typed_call = compiled.get_call_template

    def call_with_int64(args: Sequence[Any], kws: Mapping[str, Any]) -> Any:  # noqa: ANN401
        return typed_call(tuple(map(_widened, args)), kws)

    compiled.get_call_template = call_with_int64
    return compiled  # type: ignore[no-any-return]


def _widened(argument: Any) -> Any:  # noqa: ANN401  Numba's types
    plain: Any = types.unliteral(argument)  # type: ignore[no-untyped-call]
    signed = isinstance(plain, types.Integer) and plain.signed  # type: ignore[attr-defined]
    return types.int64 if signed else plain
