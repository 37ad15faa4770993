"""The container: metadata and a table of tensors, read with nothing believed that was not checked.

Written after the specification of versions 2 and 3 (ggml, docs/gguf.md). A header costs time and
memory in proportion to what of it is really in the file, whatever counts and lengths it claims.
"""

import math
import mmap
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

from models.errors import ModelError
from models.source import GGUF

Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | list[Scalar]
Kind = TypeVar("Kind", bool, int, float, str)

VERSIONS = (2, 3)
AGAIN = "Fetch or convert the file again, and compare its checksum with the one that is published."
READABLE = frozenset(
    GGMLQuantizationType[name]
    for name in (
        *("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K"),
        *("Q5_K", "Q6_K", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S", "IQ1_M"),
        *("IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4"),
    )
)
_SCALARS = {
    number: struct.Struct(f"<{code}")
    for number, code in enumerate(("B", "b", "H", "h", "I", "i", "f", "?", "", "", "Q", "q", "d"))
    if code
}
_STRING, _ARRAY = 8, 9
_SHORTEST = 24  # bytes: magic, version and two counts
_MOST_KEYS, _MOST_TENSORS, _MOST_VALUES = 1 << 14, 1 << 17, 1 << 24
_MOST_DIMENSIONS, _MOST_ELEMENTS = 4, 1 << 44


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor: `shape` in rows first, `offset` bytes from the file's start, `size` bytes."""

    name: str
    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class GgufFile:
    """What a file says of itself, checked against its length."""

    path: Path
    metadata: Mapping[str, Value]
    tensors: Mapping[str, TensorInfo]

    def get(self, key: str, kind: type[Kind]) -> Kind | None:
        """Return the value of a key, `None` where it is absent; raises for one of another kind."""
        value = self.metadata.get(key)
        if value is None or isinstance(value, kind):
            return value
        raise damaged(self.path, f"{key} is no {kind.__name__}")

    def need(self, key: str, kind: type[Kind]) -> Kind:
        """Return the value of a key; raises where it is absent."""
        value = self.get(key, kind)
        if value is None:
            raise damaged(self.path, f"it lacks {key}")
        return value

    def strings(self, key: str) -> list[str]:
        """Return a list of strings, empty where the key is absent."""
        return [each for each in self._list(key) if isinstance(each, str)]

    def numbers(self, key: str) -> list[float]:
        """Return a list of numbers, empty where the key is absent."""
        return [each for each in self._list(key) if isinstance(each, int | float)]

    def kinds(self) -> Counter[str]:
        """How many tensors there are of each type."""
        return Counter(each.kind.name for each in self.tensors.values())

    def bytes_of(self, tensor: TensorInfo) -> np.ndarray:
        """Map a tensor's bytes [size]: they are read from the disk as they are used."""
        return np.memmap(self.path, np.uint8, "r", tensor.offset, (tensor.size,))

    def _list(self, key: str) -> list[Scalar]:
        value = self.metadata.get(key, [])
        if not isinstance(value, list):
            raise damaged(self.path, f"{key} is no list")
        return value


def read_gguf(path: Path) -> GgufFile:
    """Read a file's header; raises `ModelError` for whatever in it cannot be."""
    try:
        if path.stat().st_size < _SHORTEST:
            raise damaged(path, "it is shorter than a header")
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            cursor = _Cursor(path, data)
            tensor_count, key_count = cursor.begin()
            metadata = cursor.metadata(key_count)
            tensors = cursor.tensors(tensor_count, metadata)
        _check_room(path, tensors)
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}.", hint="Check the file and its permissions."
        ) from error
    return GgufFile(path, metadata, {each.name: each for each in tensors})


def damaged(path: Path, what: str) -> ModelError:
    """The error for a file that is not what it should be."""
    return ModelError(f"{path} is damaged, or no model: {what}.", hint=AGAIN)


class _Cursor:
    """Reads from the start on; raises `ModelError` where the file ends too soon."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path, self._data, self._at = path, data, 0

    def begin(self) -> tuple[int, int]:
        """Read the counts of tensors and of keys, having checked that this is GGUF."""
        if self._take(len(GGUF)) != GGUF:
            raise damaged(self._path, "it does not begin with GGUF")
        version = self._number("<I")
        if version not in VERSIONS:
            raise ModelError(
                f"{self._path} is GGUF of version {version}, or of another byte order.",
                hint="Versions 2 and 3 in little-endian order are read; convert it with llama.cpp.",
            )
        tensors = self._count("tensors", _MOST_TENSORS, 32)
        return tensors, self._count("keys", _MOST_KEYS, 13)

    def metadata(self, count: int) -> dict[str, Value]:
        """Read the keys and values."""
        found: dict[str, Value] = {}
        for _ in range(count):
            key = self._text()
            if key in found:
                raise damaged(self._path, f"the key {key[:60]!r} is there twice")
            found[key] = self._value(self._number("<I"))
        return found

    def tensors(self, count: int, metadata: Mapping[str, Value]) -> list[TensorInfo]:
        """Read the table of tensors; their bytes begin at the next multiple of the alignment."""
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 16 or alignment % 8:
            raise damaged(self._path, f"an alignment of {str(alignment)[:20]} cannot be")
        table = [self._tensor() for _ in range(count)]
        start = -(-self._at // alignment) * alignment
        return [
            TensorInfo(name, shape, kind, start + offset, _size(shape, kind))
            for name, shape, kind, offset in table
        ]

    def _tensor(self) -> tuple[str, tuple[int, ...], GGMLQuantizationType, int]:
        name, rank = self._text(), self._number("<I")
        if not 1 <= rank <= _MOST_DIMENSIONS:
            raise damaged(self._path, f"{name[:60]!r} has {rank} dimensions")
        shape = tuple(self._number("<Q") for _ in range(rank))[::-1]
        kind = self._kind(name, self._number("<I"))
        if not 0 < math.prod(shape) <= _MOST_ELEMENTS or shape[-1] % GGML_QUANT_SIZES[kind][0]:
            raise damaged(self._path, f"{name[:60]!r} of type {kind.name} cannot be {shape}")
        return name, shape, kind, self._number("<Q")

    def _kind(self, name: str, number: int) -> GGMLQuantizationType:
        known = {int(each): each for each in GGMLQuantizationType}
        kind = known.get(number)
        if kind not in READABLE:
            raise ModelError(
                f"{self._path} has {name[:60]!r} of type {kind.name if kind else number},"
                " which is not read.",
                hint="Choose a file in one of the usual types: Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q4_0.",
            )
        return kind

    def _value(self, kind: int) -> Value:
        if kind != _ARRAY:
            return self._scalar(kind)
        kind = self._number("<I")
        if kind == _ARRAY:
            raise damaged(self._path, "a list of lists is in its metadata")
        least = _SCALARS[kind].size if kind in _SCALARS else 8
        count = self._count("values of a list", _MOST_VALUES, least)
        return [self._scalar(kind) for _ in range(count)]

    def _scalar(self, kind: int) -> Scalar:
        if kind == _STRING:
            return self._text()
        if kind not in _SCALARS:
            raise damaged(self._path, f"metadata of type {kind} do not exist")
        layout = _SCALARS[kind]
        value: bool | int | float = layout.unpack(self._take(layout.size))[0]
        return value

    def _text(self) -> str:
        length = self._number("<Q")
        try:
            return self._take(length).decode()
        except UnicodeDecodeError:
            raise damaged(self._path, "a name or text in it is no UTF-8") from None

    def _count(self, what: str, most: int, least_bytes: int) -> int:
        """Read how many there are; each takes at least so many bytes of what is left."""
        count = self._number("<Q")
        if count > most or count * least_bytes > len(self._data) - self._at:
            raise damaged(self._path, f"it claims {count} {what}, more than it can hold")
        return count

    def _number(self, layout: str) -> int:
        return int(struct.unpack(layout, self._take(struct.calcsize(layout)))[0])

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise damaged(self._path, "it ends within its header")
        taken, self._at = self._data[self._at : end], end
        return taken


def _size(shape: tuple[int, ...], kind: GGMLQuantizationType) -> int:
    elements, size = GGML_QUANT_SIZES[kind]
    return math.prod(shape) // elements * size


def _check_room(path: Path, tensors: list[TensorInfo]) -> None:
    """Raise unless each tensor lies within the file, under a name and on bytes of its own."""
    if len({each.name for each in tensors}) < len(tensors):
        raise damaged(path, "two tensors have one name")
    length, end = path.stat().st_size, 0
    for tensor in sorted(tensors, key=lambda each: each.offset):
        if tensor.offset < end:
            raise damaged(path, f"{tensor.name[:60]!r} lies over another tensor")
        end = tensor.offset + tensor.size
        if end > length:
            missing = f"{end - length:,} bytes of {tensor.name[:60]!r} are missing"
            raise damaged(path, f"{missing}: it was cut off, or its table is wrong")
