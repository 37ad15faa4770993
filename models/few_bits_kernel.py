"""Kernels of products with weights of 4 or 8 bits, compiled for this processor on import.

Four neighbouring inputs of an output share a lane of 32 bits, so that one instruction (VNNI) adds
up 64 products of bytes, exactly. Numba's loops are not compiled to it: the inner ones are written
as LLVM's instructions. Processors that have it for 256 bits alone compute the same, in halves.

Any number of threads may run a kernel on one job: each takes the next row, or block of outputs.
"""

from enum import IntEnum, auto
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, types
from numba.core import cgutils
from numba.extending import intrinsic

from models.few_bits import BLOCK

LARGEST = 127  # of a state
_LANES = 16
_TILES = (8, 4, 2, 1)  # rows that share what was read and unpacked of the weights
_INT, _LONG = ir.IntType(32), ir.IntType(64)
_SHORTS, _INTS = ir.VectorType(ir.IntType(16), _LANES), ir.VectorType(_INT, _LANES)
_HALVES, _FLOATS = ir.VectorType(ir.HalfType(), _LANES), ir.VectorType(ir.FloatType(), _LANES)
_DOT = "llvm.x86.avx512.vpdpbusd"


class Job(IntEnum):
    """What an array of int64 tells a kernel: counters, sizes, addresses of contiguous arrays."""

    NEXT_ROW = 0
    NEXT_BLOCK = auto()
    ROWS = auto()
    GROUPS = auto()
    GROUP = auto()  # inputs
    BLOCKS = auto()
    BITS = auto()
    STATES = auto()  # bfloat16 [rows, inputs]
    QUANTISED = auto()  # int8 [rows, inputs]
    STATE_SCALES = auto()  # float32 [rows, groups]
    SUMS = auto()  # int32 [rows, groups], of quantised states
    WEIGHTS = auto()  # uint8 [blocks, inputs * bits / 32, BLOCK, 4]
    SCALES = auto()  # float16 [blocks, groups, scale and, of 4 bits, zero, BLOCK]
    BIAS = auto()  # float32 [blocks * BLOCK]
    PRODUCT = auto()  # bfloat16 [rows, blocks * BLOCK]


FIELDS = len(Job)


@intrinsic
def _pointer(_typing: Any, address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


@intrinsic
def _taken(_typing: Any, job: Any, counter: Any) -> Any:
    """Take the next number of a counter of a job."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        place = builder.gep(values[0], [values[1]], source_etype=_LONG)
        return builder.atomic_rmw("add", place, _LONG(1), "monotonic")

    return types.int64(job, counter), generate


@intrinsic(prefer_literal=True)
def _multiply_tile(_typing: Any, job: Any, bits: Any, block: Any, row: Any) -> Any:
    """Multiply some rows from `row` on by a block of outputs; returns how many."""

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        fields = {
            field: builder.load(
                builder.gep(values[0], [_LONG(field)], source_etype=_LONG), typ=_LONG
            )
            for field in Job
        }
        features = context.codegen().magic_tuple()[2]
        tile = _Tile(builder, features, bits.literal_value, fields, *values[2:])
        return tile.emit_largest(builder.sub(fields[Job.ROWS], values[3]), _TILES)

    return types.int64(job, bits, block, row), generate


class _Tile:
    """Writes the instructions of a product of a few rows and a block."""

    def __init__(
        self,
        builder: Any,
        features: str,
        bits: int,
        fields: dict[Job, Any],
        block: Any,
        row: Any,
    ) -> None:
        self._builder, self._features, self._bits = builder, features, bits
        self._fields, self._block, self._row = fields, block, row

    def emit_largest(self, left: Any, sizes: tuple[int, ...]) -> Any:
        """Write the choice of the largest tile that has no more rows than are `left`."""
        builder = self._builder
        done = cgutils.alloca_once(builder, _LONG)
        with builder.if_else(builder.icmp_signed(">=", left, _LONG(sizes[0]))) as (fits, too_many):
            with fits:
                self._emit(sizes[0])
                builder.store(_LONG(sizes[0]), done)
            with too_many:
                if sizes[1:]:
                    builder.store(self.emit_largest(left, sizes[1:]), done)
        return builder.load(done)

    def _emit(self, rows: int) -> None:
        builder, fields = self._builder, self._fields
        columns = range(BLOCK // _LANES)
        tile = [(row, column) for row in range(rows) for column in columns]
        outputs = builder.mul(self._block, _LONG(BLOCK))
        totals = {}
        for at in tile:
            totals[at] = cgutils.alloca_once(builder, _FLOATS)
            place = builder.add(outputs, _LONG(at[1] * _LANES))
            builder.store(self._load(Job.BIAS, place, 4, _FLOATS), totals[at])
        with cgutils.for_range(builder, fields[Job.GROUPS]) as loop:
            self._add_group(loop.index, tile, totals)
        stride = builder.mul(fields[Job.BLOCKS], _LONG(BLOCK))
        for row, column in tile:
            place = builder.add(outputs, _LONG(column * _LANES))
            place = builder.add(place, builder.mul(self._row_at(row), stride))
            self._store_rounded(builder.load(totals[row, column]), place)

    def _add_group(self, group: Any, tile: list[Any], totals: dict[Any, Any]) -> None:
        builder, fields = self._builder, self._fields
        states = {row: self._state_at(row, group) for row, _ in tile}
        sums = self._dots(group, tile, {row: each[1] for row, each in states.items()})
        kinds = 2 if self._bits == 4 else 1
        first = builder.add(builder.mul(self._block, fields[Job.GROUPS]), group)
        first = builder.mul(first, _LONG(kinds * BLOCK))
        for row, column in tile:
            scale, total = states[row][0], builder.load(totals[row, column])
            place = builder.add(first, _LONG(column * _LANES))
            weight_scale = builder.fpext(self._load(Job.SCALES, place, 2, _HALVES), _FLOATS)
            factor = builder.fmul(weight_scale, self._spread(scale, _FLOATS))
            counted = builder.sitofp(builder.load(sums[row, column]), _FLOATS)
            total = self._fused(counted, factor, total)
            if kinds == 2:
                place = builder.add(place, _LONG(BLOCK))
                zero = builder.fpext(self._load(Job.SCALES, place, 2, _HALVES), _FLOATS)
                summed = builder.fmul(scale, builder.sitofp(states[row][1], ir.FloatType()))
                total = self._fused(zero, self._spread(summed, _FLOATS), total)
            builder.store(total, totals[row, column])

    def _state_at(self, row: int, group: Any) -> tuple[Any, Any]:
        """The scale and the sum of a row's group."""
        at = self._builder.mul(self._row_at(row), self._fields[Job.GROUPS])
        at = self._builder.add(at, group)
        return (
            self._load(Job.STATE_SCALES, at, 4, ir.FloatType()),
            self._load(Job.SUMS, at, 4, _INT),
        )

    def _dots(self, group: Any, tile: list[Any], state_sums: dict[int, Any]) -> dict[Any, Any]:
        """Sums of a group's integers, less the middle of weights, times states."""
        builder, fields, middle = self._builder, self._fields, 1 << self._bits - 1
        sums = {}
        for row, column in tile:
            sums[row, column] = cgutils.alloca_once(builder, _INTS)
            begin = builder.mul(state_sums[row], _INT(-middle))
            builder.store(self._spread(begin, _INTS), sums[row, column])
        inputs = 32 // self._bits  # of a step
        steps = builder.udiv(fields[Job.GROUP], _LONG(inputs))
        all_steps = builder.mul(fields[Job.GROUPS], steps)
        with cgutils.for_range(builder, steps) as loop:
            step = builder.add(builder.mul(group, steps), loop.index)
            at = builder.add(builder.mul(self._block, all_steps), step)
            weights = self._weights(builder.mul(at, _LONG(4 * BLOCK)))
            for row, column in tile:
                total = builder.load(sums[row, column])
                first = builder.add(builder.mul(self._row_at(row), all_steps), step)
                for part, columns in enumerate(weights):
                    place = builder.add(builder.mul(first, _LONG(inputs)), _LONG(4 * part))
                    state = self._load(Job.QUANTISED, place, 1, _INT)
                    total = self._dot(total, columns[column], self._spread(state, _INTS))
                builder.store(total, sums[row, column])
        return sums

    def _weights(self, at: Any) -> list[list[Any]]:
        """A step's weights by quarter-step of 4 inputs and by column, a byte each."""
        builder = self._builder
        columns = [
            self._load(Job.WEIGHTS, builder.add(at, _LONG(4 * column)), 1, _INTS)
            for column in range(0, BLOCK, _LANES)
        ]
        if self._bits == 8:
            return [columns]
        low, four = ir.Constant(_INTS, [0x0F0F0F0F] * _LANES), ir.Constant(_INTS, [4] * _LANES)
        return [
            [builder.and_(each, low) for each in columns],
            [builder.and_(builder.lshr(each, four), low) for each in columns],
        ]

    def _dot(self, total: Any, unsigned: Any, signed: Any) -> Any:
        """Add the products of four neighbouring bytes to each lane."""
        if "+avx512vnni" in self._features:
            return self._call(f"{_DOT}.512", _INTS, [total, unsigned, signed])
        low, high = (
            self._call(
                f"{_DOT}.256",
                ir.VectorType(_INT, _LANES // 2),
                [self._picked(each, range(at, at + 8)) for each in (total, unsigned, signed)],
            )
            for at in (0, 8)
        )
        mask = ir.Constant(_INTS, list(range(_LANES)))
        return self._builder.shuffle_vector(low, high, mask)

    def _picked(self, vector: Any, lanes: range) -> Any:
        mask = ir.Constant(ir.VectorType(_INT, len(lanes)), list(lanes))
        return self._builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)

    def _store_rounded(self, total: Any, place: Any) -> None:
        """Store floats as bfloat16, ties to even."""
        builder = self._builder

        def every(value: int) -> Any:
            return ir.Constant(_INTS, [value] * _LANES)

        bits = builder.bitcast(total, _INTS)
        even = builder.and_(builder.lshr(bits, every(16)), every(1))
        rounded = builder.add(builder.add(bits, every(0x7FFF)), even)
        short = builder.trunc(builder.lshr(rounded, every(16)), _SHORTS)
        builder.store(short, self._at(Job.PRODUCT, place, 2, _SHORTS), align=2)

    def _row_at(self, row: int) -> Any:
        return self._builder.add(self._row, _LONG(row))

    def _fused(self, one: Any, other: Any, total: Any) -> Any:
        return self._call("llvm.fmuladd.v16f32", _FLOATS, [one, other, total])

    def _call(self, name: str, kind: Any, values: list[Any]) -> Any:
        signature = ir.FunctionType(kind, [kind] * len(values))
        function = cgutils.get_or_insert_function(self._builder.module, signature, name)
        return self._builder.call(function, values)

    def _spread(self, value: Any, kind: Any) -> Any:
        first = ir.Constant(kind, ir.Undefined)
        first = self._builder.insert_element(first, value, _INT(0))
        return self._builder.shuffle_vector(first, first, ir.Constant(_INTS, [0] * _LANES))

    def _load(self, field: Job, place: Any, size: int, kind: Any) -> Any:
        """Load what begins at an element of so many bytes of a field's array."""
        pointer = self._at(field, place, size, kind)
        return self._builder.load(pointer, typ=kind, align=size)

    def _at(self, field: Job, place: Any, size: int, kind: Any) -> Any:
        offset = self._builder.mul(place, _LONG(size))
        address = self._builder.add(self._fields[field], offset)
        return self._builder.inttoptr(address, kind.as_pointer())


@cfunc("void(CPointer(int64))", cache=True)
def quantise_states(job: Any) -> None:
    """Round rows of states to 8 bits, group by group, each with a scale."""
    sizes = carray(job, FIELDS)
    rows, groups, group = sizes[Job.ROWS], sizes[Job.GROUPS], sizes[Job.GROUP]
    shape = (rows, groups, group)
    states = carray(_pointer(sizes[Job.STATES]), shape, np.uint16)
    quantised = carray(_pointer(sizes[Job.QUANTISED]), shape, np.int8)
    scales = carray(_pointer(sizes[Job.STATE_SCALES]), (rows, groups), np.float32)
    sums = carray(_pointer(sizes[Job.SUMS]), (rows, groups), np.int32)
    bits = np.empty(group + 1, np.uint32)
    values = bits.view(np.float32)
    while True:
        row = _taken(job, Job.NEXT_ROW)
        if row >= rows:
            return
        for number in range(groups):
            largest = np.uint32(0)
            for place in range(group):
                bits[place] = np.uint32(states[row, number, place]) << np.uint32(16)
            for place in range(group):
                largest = max(largest, bits[place] & np.uint32(0x7FFFFFFF))
            bits[group] = largest
            scales[row, number] = values[group] / np.float32(LARGEST)
            inverse = np.float32(LARGEST) / values[group] if largest else np.float32(0)
            total = np.int32(0)
            for place in range(group):
                rounded = np.int32(np.rint(values[place] * inverse))
                quantised[row, number, place] = rounded
                total += rounded
            sums[row, number] = total


@cfunc("void(CPointer(int64))", cache=True)
def multiply(job: Any) -> None:
    """Multiply quantised states by blocks of weights."""
    sizes = carray(job, FIELDS)
    while True:
        block = _taken(job, Job.NEXT_BLOCK)
        if block >= sizes[Job.BLOCKS]:
            return
        row = 0
        while row < sizes[Job.ROWS]:
            if sizes[Job.BITS] == 4:
                row += _multiply_tile(job, 4, block, row)
            else:
                row += _multiply_tile(job, 8, block, row)
