"""The records of the working memory, and the numbers that stand in them."""

from typing import get_type_hints

import pytest

from completer.drafting.calibration import EvidenceSource
from completer.drafting.places import TextKind
from completer.drafting.scratch import ALIGNED_KINDS, SCRATCH, Scratch
from completer.drafting.tree import DraftSource

RECORDS = get_type_hints(Scratch)


def test_the_memory_has_the_records_in_order():
    assert SCRATCH.names == tuple(RECORDS)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_the_fields_of_its_class(name):
    record = SCRATCH[name]
    assert record.names == tuple(get_type_hints(RECORDS[name]))
    for field in record.names:
        dtype, offset = record.fields[field][:2]
        assert offset % dtype.base.itemsize == 0
        assert dtype.base.kind in "if"


@pytest.mark.parametrize("name", ["REPOSITORY", "LIVE", "DEPENDENCIES"])
def test_sources_of_one_name_are_one_number(name):
    assert EvidenceSource[name] == DraftSource[name]


def test_alignments_are_with_the_first_kinds():
    assert [TextKind(number).name for number in range(ALIGNED_KINDS)] == ["REPOSITORY", "OWN"]
    aligned = EvidenceSource.ALIGNED_REPOSITORY
    assert aligned + TextKind.OWN == EvidenceSource.ALIGNED_LIVE == len(EvidenceSource) - 1
