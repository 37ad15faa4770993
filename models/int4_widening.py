"""The kernel that widens packed int4 weights to bfloat16, compiled as this is imported."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

HALF = 32
_TAKES = "void(uint8[:,:,::1], float32[:,:,:], int64, uint16[:,::1])"


@njit(_TAKES, cache=True, nogil=True)
def widen(
    packed: NDArray[np.uint8], pairs: NDArray[np.float32], group: int, wide: NDArray[np.uint16]
) -> None:
    """Write weights as bfloat16's bits into `wide` [in, blocks * 64].

    `packed` [blocks, in, 32]: an input's 64 outputs, the first 32 in the lower halves of the bytes.
    `pairs` [in / group, blocks * 64, 2]: scale and zero of (integer - 8) * scale + zero.
    """
    values = np.empty(2 * HALF, np.float32)
    bits = values.view(np.uint32)
    scale, zero = np.empty(2 * HALF, np.float32), np.empty(2 * HALF, np.float32)
    for block in range(packed.shape[0]):
        first = block * 2 * HALF
        for number in range(pairs.shape[0]):
            for output in range(2 * HALF):
                scale[output] = pairs[number, first + output, 0]
                zero[output] = pairs[number, first + output, 1] - np.float32(8) * scale[output]
            for place in range(number * group, (number + 1) * group):
                row = packed[block, place]
                for output in range(HALF):
                    values[output] = np.float32(row[output] & 15)
                    values[HALF + output] = np.float32(row[output] >> 4)
                for output in range(2 * HALF):
                    values[output] = values[output] * scale[output] + zero[output]
                    even = (bits[output] >> np.uint32(16)) & np.uint32(1)  # ties go to even
                    rounded = (bits[output] + np.uint32(0x7FFF) + even) >> np.uint32(16)
                    wide[place, first + output] = np.uint16(rounded)
