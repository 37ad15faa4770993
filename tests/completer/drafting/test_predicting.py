"""What follows each node of a draft is what follows its path, however the tree is walked."""

import numpy as np
import pytest

from completer.drafting.drafter import Drafter
from completer.drafting.own_text import BEFORE
from completer.drafting.tree import DraftTree
from tests.completer.drafting.reference import path_of

VOCABULARY = 12
NAME = "open"


def drafter():
    rng = np.random.default_rng(3)
    known = Drafter(VOCABULARY)
    for name in range(4):
        known.corpus.add(str(name), rng.integers(0, VOCABULARY, 150).astype(np.int32))
    known.corpus.merge()
    known.update_file("saved", rng.integers(0, VOCABULARY, 60).astype(np.int32))
    return known


def some_tree(rng, size):
    """A tree in which every node hangs below an earlier one; a node's children differ."""
    parents = [int(rng.integers(-1, node)) if node else -1 for node in range(size)]
    tokens = [
        (3 * node + parents[: node + 1].count(parents[node])) % VOCABULARY for node in range(size)
    ]
    return DraftTree(
        np.array(tokens, np.int32), np.array(parents, np.int32), np.ones(size, np.float32),
        np.zeros(size, np.int8),
    )  # fmt: skip


def as_dict(row):
    return dict(zip(row[0].tolist(), row[1].round(12).tolist(), strict=True))


@pytest.mark.parametrize("before", [0, 5, 390, 398, 400, 410])
def test_each_row_is_what_follows_its_path(before):
    rng = np.random.default_rng(before)
    context = rng.integers(0, VOCABULARY, before).astype(np.int32)
    tree = some_tree(rng, 14)
    with drafter().start(context, document=NAME) as session:
        at_once = session.predict(tree)
        assert len(at_once) == 15
        for node in range(-1, 14):
            path = tree.path_to(node)
            alone = session.predict(path_of(path))
            assert as_dict(at_once.row(node + 1)) == as_dict(alone.row(len(path)))


@pytest.mark.parametrize("before", [5, 396, 410])
def test_a_path_that_is_looked_at_is_as_one_that_was_generated(before):
    rng = np.random.default_rng(before)
    context, path = (rng.integers(0, VOCABULARY, n).astype(np.int32) for n in (before, 8))
    with drafter().start(context, document=NAME) as session:
        looked = session.predict(path_of(path))
    for known in range(9):
        with drafter().start(context, document=NAME) as session:
            session.observe(DraftTree.empty(), path[:known].tolist())
            generated = session.predict(DraftTree.empty())
        assert as_dict(looked.row(known)) == as_dict(generated.row(0))


@pytest.mark.parametrize("before", [0, 5, 396, 410])
def test_the_live_text_is_as_before(before):
    rng = np.random.default_rng(before)
    known = drafter()
    with known.start(
        rng.integers(0, VOCABULARY, before).astype(np.int32), document=NAME
    ) as session:
        session.predict(path_of(range(10)))  # makes the room
        own = session._own.text
        nodes = own.nodes.copy()
        session.predict(some_tree(rng, 10))
        unused = nodes[:, 0] == 0
        assert np.array_equal(own.nodes[~unused], nodes[~unused])
        assert own.length(BEFORE) == before


@pytest.mark.parametrize("document", [NAME, "saved", "other", None])
def test_what_others_did_changes_nothing(document):
    rng = np.random.default_rng(7)
    context, path, more = (rng.integers(0, VOCABULARY, n).astype(np.int32) for n in (40, 8, 300))
    alone, shared = drafter(), drafter()
    for each in (alone, shared):
        each.open_document("other", more)
        each.open_document(NAME, np.concatenate((more[:50], context, more[50:100])))
    _busy(shared, context, more)
    with shared.start(context, document=document) as running, shared.start(more) as another:
        running.observe(DraftTree.empty(), more[:5].tolist())
        another.observe(DraftTree.empty(), more[5:20].tolist())
        assert _expected(shared, context, document, path) == _expected(
            alone, context, document, path
        )


def _busy(known, context, more):
    """Sessions everywhere, which learn; a completion that was accepted."""
    for place, name in enumerate([NAME, "saved", "other", None, "new"]):
        with known.start(context[place:], after=more[:9], document=name) as session:
            session.observe(session.propose(8, 1 + 0.01 * np.arange(9)), more[:40].tolist())
        with known.start(more[: 20 * place], after=context, document=name) as session:
            session.observe(DraftTree.empty(), context.tolist())
    known.add_completion(np.concatenate((context, more)))


def _expected(known, context, document, path):
    with known.start(context, document=document) as session:
        found = session.predict(path_of(path))
        return [as_dict(found.row(row)) for row in range(len(found))]


def test_where_there_is_no_room_a_path_is_looked_at_with_what_fits():
    known = Drafter(VOCABULARY, live_bytes=32 * 20)
    with known.start(np.arange(12, dtype=np.int32), document=NAME) as session:
        expected = session.predict(path_of([*range(12)] * 2))
        assert len(expected) == 25
        assert 1 in expected.row(13)[0]
