"""The working memory of a session: records that one step of drafting writes and the next one reads.

A record is described by a class: its annotations are the fields, for the type checker and for Numba
alike. No object of these classes is ever made. What the kernels are given is an array of one
element of the type `SCRATCH`, in which the records lie one behind the other.
"""

from typing import Annotated, NamedTuple, get_type_hints

import numpy as np
from numpy.typing import DTypeLike, NDArray

from completer.drafting.calibration import MAX_EXPERTS, SIDES, SOURCES
from completer.drafting.places import KINDS
from completer.drafting.suffix_array import DEPTH

Int8s = NDArray[np.int8]
Int32s = NDArray[np.int32]
Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]

MAX_TREE = 256
"""Most tokens in one tree."""
MAX_CANDIDATES = 1024
SLOTS = 256
LIVE_ROOM, SAVED_ROOM, REPOSITORY_ROOM, DEPENDENCIES_ROOM = 32, 32, 64, 16
"""Most occurrences of a context in texts of each kind; in a session's own as in the live ones."""
ALIGNED_KINDS = 2
"""Alignments are with places of the first two kinds, the repository's and the session's own."""
MAX_OCCURRENCES = 2 * LIVE_ROOM + SAVED_ROOM + REPOSITORY_ROOM + DEPENDENCIES_ROOM + ALIGNED_KINDS
ROOT = MAX_CANDIDATES + MAX_OCCURRENCES
"""The candidate that led to the root: the token that was learned last."""
_SIZE = ROOT + 1


class Cell(NamedTuple):
    """How a field is stored."""

    dtype: DTypeLike
    shape: tuple[int, ...] = ()


Int32 = Annotated[int, Cell(np.int32)]
Int64 = Annotated[int, Cell(np.int64)]
Float64 = Annotated[float, Cell(np.float64)]


class Sight:
    """What a session sees of the texts. Written by `session`; for a draft or not, by `growing`."""

    suffix_stream: Int32
    """The number of its text after the caret."""
    own: Annotated[Int32s, Cell(np.int32, (2,))]
    """What it sees of its own text: see `matching.Seen`."""
    opened: Annotated[Int32s, Cell(np.int32, (2,))]
    """What it sees of the live texts."""
    saved: Annotated[Int32s, Cell(np.int32, (2,))]
    """What it sees of the saved texts."""
    hidden_begin: Int64
    """Where its document's saved version, which it does not see, begins in the repository."""
    hidden_end: Int64
    """Where that ends."""
    near_begin: Int64
    """Where the document's folder begins in the repository."""
    near_end: Int64
    """Where that ends."""


class Contexts:
    """Stored tokens, the nearest first. Written by `evidence.read_context` and `node_context`."""

    root: Annotated[Int32s, Cell(np.int32, (DEPTH,))]
    """What stands before the root."""
    node: Annotated[Int32s, Cell(np.int32, (DEPTH,))]
    """What stands before what follows the node that is being expanded."""


class Occurrences:
    """Where the node's context stood before. Written by `evidence.gather`."""

    rows: Annotated[Int32s, Cell(np.int32, (MAX_OCCURRENCES, 4))]
    """Columns: see `matching.Found`."""
    weight: Annotated[Float32s, Cell(np.float32, (MAX_OCCURRENCES,))]
    """How many places each stands for."""
    link: Annotated[Int32s, Cell(np.int32, (MAX_OCCURRENCES,))]
    """The next one in the chain, which begins with the longest match; -1: none."""
    heads: Annotated[Int32s, Cell(np.int32, (DEPTH + 1,))]
    """The first one of each length, while they are being chained."""


class Alignments:
    """The matches that go on past a mismatch, by kind. Written by `aligning`."""

    length: Annotated[Int32s, Cell(np.int32, (ALIGNED_KINDS,))]
    """How long the match was before."""
    misses: Annotated[Int32s, Cell(np.int32, (ALIGNED_KINDS,))]
    """Mismatches since."""


class Candidates:
    """Tokens that might be taken, and the best place of each kind where they stood.

    Written by `evidence.sort_out` and `copy_on`; `growing` adds the probabilities, and moves them
    together. Candidate `ROOT` is written by `evidence.lead_to_root` and `aligning`.
    """

    token: Annotated[Int32s, Cell(np.int32, (_SIZE,))]
    """The stored token."""
    parent: Annotated[Int32s, Cell(np.int32, (_SIZE,))]
    """The tree's node that it may follow; -1: the root."""
    origin: Annotated[Int8s, Cell(np.int8, (_SIZE,))]
    """The `tree.DraftSource` of its best occurrence."""
    prob: Annotated[Float64s, Cell(np.float64, (_SIZE,))]
    """The probability of the path to it; negative once it is taken."""
    hint: Annotated[Int32s, Cell(np.int32, (_SIZE, KINDS))]
    """The cursor of the longest match of each kind; 0: none."""
    hint_length: Annotated[Int32s, Cell(np.int32, (_SIZE, KINDS))]
    """How long that match is, where there is one."""
    certainty: Annotated[Float32s, Cell(np.float32, (_SIZE,))]
    """How certain it is, if what follows it may be copied; otherwise 0."""
    copied: Annotated[Int32s, Cell(np.int32, (_SIZE,))]
    """How many tokens have been copied up to it without a look."""
    aligned: Annotated[Int32s, Cell(np.int32, (_SIZE, ALIGNED_KINDS))]
    """The cursor of each alignment; 0: none."""
    aligned_length: Annotated[Int32s, Cell(np.int32, (_SIZE, ALIGNED_KINDS))]
    """How many tokens the alignment has agreed for."""
    slots: Annotated[Int32s, Cell(np.int32, (SLOTS,))]
    """The hash table of `evidence.find_candidate`."""
    root_length: Int64
    """The length of the context that `ROOT` leads to; -1: of none."""


class OccurrenceEvidence:
    """What the occurrences say, longest match first. Written by `evidence.sort_out`."""

    candidate: Annotated[Int32s, Cell(np.int32, (MAX_OCCURRENCES,))]
    """Which token followed, as a number from 0 on."""
    source: Annotated[Int8s, Cell(np.int8, (MAX_OCCURRENCES,))]
    """The `calibration.EvidenceSource`."""
    order: Annotated[Int8s, Cell(np.int8, (MAX_OCCURRENCES,))]
    """The class of the match's length."""
    weight: Annotated[Float64s, Cell(np.float64, (MAX_OCCURRENCES,))]
    """How much it counts."""
    close: Annotated[Int8s, Cell(np.int8, (MAX_OCCURRENCES,))]
    """Whether it is nearby or recent."""
    support: Annotated[Int8s, Cell(np.int8, (MAX_OCCURRENCES, SIDES))]
    """By candidate and `calibration.Side`: the longest match's class + 1; 0: none."""


class ExpertMixture:
    """The experts' opinions of one node's candidates. Written by `blending.blend`."""

    count: Annotated[Float64s, Cell(np.float64, (SOURCES, MAX_OCCURRENCES))]
    """By source and candidate: how much was counted so far."""
    counted: Annotated[Float64s, Cell(np.float64, (SOURCES,))]
    """The sum over all candidates."""
    fresh: Annotated[Int8s, Cell(np.int8, (SOURCES,))]
    """Whether a source has evidence of the present order."""
    score: Annotated[Float64s, Cell(np.float64, (MAX_OCCURRENCES,))]
    """By candidate: its probability times the sum of all weights."""
    experts: Int64
    """How many experts were consulted."""
    expert: Annotated[Int32s, Cell(np.int32, (MAX_EXPERTS, 3))]
    """Which factors each one's weight is the product of."""
    expert_weight: Annotated[Float64s, Cell(np.float64, (MAX_EXPERTS,))]
    """Each one's weight."""
    expert_share: Annotated[Float64s, Cell(np.float64, (MAX_EXPERTS,))]
    """What the watched candidate has of each one's counts."""


class Tree:
    """The draft. Written by `growing`."""

    token: Annotated[Int32s, Cell(np.int32, (MAX_TREE,))]
    """The ids of its tokens."""
    parent: Annotated[Int32s, Cell(np.int32, (MAX_TREE,))]
    """Their parents; -1: the root."""
    prob: Annotated[Float32s, Cell(np.float32, (MAX_TREE,))]
    """The probabilities of the paths to them."""
    source: Annotated[Int8s, Cell(np.int8, (MAX_TREE,))]
    """The `tree.DraftSource` of each."""
    covered: Float64
    """How likely what follows the node expanded last is among what may be drafted."""


class Scratch:
    """One element of an array of `SCRATCH`, as the kernels see it."""

    sight: Sight
    contexts: Contexts
    occurrences: Occurrences
    alignments: Alignments
    candidates: Candidates
    evidence: OccurrenceEvidence
    mixture: ExpertMixture
    tree: Tree


def _dtype_of(record: type) -> np.dtype[np.void]:
    fields: list[tuple[str, DTypeLike, tuple[int, ...]]] = []
    for name, hint in get_type_hints(record, include_extras=True).items():
        cell = hint.__metadata__[0] if hasattr(hint, "__metadata__") else Cell(_dtype_of(hint))
        fields.append((name, cell.dtype, cell.shape))
    return np.dtype(fields, align=True)


SCRATCH = _dtype_of(Scratch)
"""The type of a session's working memory."""
