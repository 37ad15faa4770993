"""Questions and evidence over a pipe: what is read is what was written, and equal sets are one."""

import sys
import tracemalloc

import pytest

from completer.names import question
from completer.names.evidence import NameEvidence, NameKind, Names
from completer.names.question import Question, decode_evidence, encode_evidence

SELF = Names(NameKind.SELF, frozenset({"size", "grow"}))
EVIDENCE = NameEvidence(
    members={"self": SELF, "größe": Names(NameKind.OPEN, frozenset())},
    at_caret=Names(NameKind.IMPORTABLE, frozenset({"Path"})),
    parameters={"f": Names(NameKind.PARAMETER, frozenset({"key"}))},
    scope=Names(NameKind.SCOPE, frozenset({"self", "len"})),
    unbound=("later", "last"),
    modules={".models": Names(NameKind.IMPORTABLE, frozenset({"Request"}))},
)


def test_a_question_is_one_line():
    question = Question("caret", "a\nb \ud800", "\n", "python", "/p.py", "/", whole=False, most_s=1)

    assert b"\n" not in question.encode()
    assert Question.decode(question.encode()) == question


@pytest.mark.parametrize("evidence", [EVIDENCE, NameEvidence()])
def test_evidence_is_one_line_and_comes_back(evidence):
    line = encode_evidence(evidence)

    assert b"\n" not in line
    assert decode_evidence(line) == evidence
    assert encode_evidence(decode_evidence(line)) == line


@pytest.mark.parametrize("line", [b"{", b"{}", b'{"members": {"a": ["no kind"]}}', b"[]"])
def test_what_is_no_evidence_raises(line):
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode_evidence(line)


def test_equal_sets_and_names_are_held_once():
    first, second = (decode_evidence(encode_evidence(EVIDENCE)) for _ in range(2))

    assert first.members["self"].names is second.members["self"].names
    assert all(name is sys.intern(name) for name in first.scope.names)


def test_many_answers_take_little_memory():
    common = {f"m{n}": Names(NameKind.CLASS, _names(f"m{n}_", 100)) for n in range(40)}
    lines = []
    for number in range(16):
        own = {f"o{n}": Names(NameKind.SELF, _names(f"o{number}_{n}_", 30)) for n in range(8)}
        scope = Names(NameKind.SCOPE, _names("s", 200) | {f"scope{number}"})
        lines.append(encode_evidence(NameEvidence(common | own, scope=scope)))
    del common, own, scope
    tracemalloc.start(4)
    try:
        kept = list(map(decode_evidence, lines))
        ours = tracemalloc.Filter(True, question.__file__, all_frames=True)  # not other threads'
        held = tracemalloc.take_snapshot().filter_traces([ours]).statistics("filename")
    finally:
        tracemalloc.stop()

    assert len(kept) == 16
    assert 0 < sum(each.size for each in held) < 3 << 20


def _names(start, count):
    return frozenset(f"{start}{number}" for number in range(count))
