import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.drafting.corpus import Corpus
from completer.drafting.drafter import Drafter
from completer.drafting.growing import predict
from completer.drafting.scratch import SCRATCH
from tests.completer.drafting.reference import tokens

CONTEXTS = [np.array(ids, np.int32) for ids in ([0], [1, 0], [2, 2, 1], [0, 1, 2, 0])]
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["write", "remove", "hide", "show", "merge"]),
        st.sampled_from("abc"),
        tokens(max_size=8),
    ),
    max_size=12,
)


def predictions(drafter):
    """What the drafter expects after some contexts."""
    result = []
    for context in CONTEXTS:
        scratch = np.zeros(1, SCRATCH)
        n = predict(drafter.texts(), context, len(context), scratch)
        candidates = scratch["candidates"][0]
        ids, probs = candidates["token"][:n].tolist(), candidates["prob"][:n].round(9).tolist()
        result.append(dict(zip(ids, probs, strict=True)))
    return result


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_any_sequence_of_changes_equals_a_rebuild(changes):
    drafter, files, hidden = Drafter(3), {}, set()
    corpus = drafter.corpus
    for change, name, ids in changes:
        if change == "write":
            corpus.write(name, ids)
            files[name] = ids
        elif change == "remove":
            corpus.remove(name)
            files.pop(name, None)
            hidden.discard(name)
        elif change == "merge":
            corpus.merge()
        elif name in files:
            corpus.hide(name) if change == "hide" else corpus.show(name)
            hidden.add(name) if change == "hide" else hidden.discard(name)
    rebuilt = Drafter(3)
    for name, ids in files.items():
        if name not in hidden:
            rebuilt.corpus.add(name, ids)
    rebuilt.corpus.merge()
    assert predictions(drafter) == predictions(rebuilt)
    assert corpus.tokens == sum(map(len, files.values()))


def test_a_changed_file_stops_counting_at_once():
    corpus = Corpus(10)
    corpus.add("a", np.array([1, 2, 3], np.int32))
    corpus.merge()
    corpus.write("a", np.array([4, 5], np.int32))
    assert (corpus.array.text <= 0).all()
    assert corpus.saved.tokens == 2


def test_a_merge_is_due_when_much_has_changed():
    corpus = Corpus(10)
    assert not corpus.merge_is_due
    for number in range(3):
        corpus.write(str(number), np.zeros(60_000, np.int32))
    assert corpus.merge_is_due
    corpus.merge()
    assert not corpus.merge_is_due
    assert corpus.saved.tokens == 0
    assert len(corpus.array) > 180_000


def test_files_beside_a_document_are_known_by_their_positions():
    corpus = Corpus(10)
    for name in ("x/a.py", "y/b.py", "y/c.py", "z.py"):
        corpus.add(name, np.array([1, 2], np.int32))
    corpus.merge()
    assert corpus.folder_of("y/new.py") == (4, 10)
    assert corpus.folder_of("nowhere/a.py") == (0, 0)


def test_memory_returns_when_files_go():
    corpus = Corpus(10)
    corpus.add("a", np.zeros(100_000, np.int32))
    corpus.merge()
    corpus.remove("a")
    corpus.merge()
    assert corpus.nbytes < 100_000
