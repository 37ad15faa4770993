"""What raises for one sequence ends that one; all others say what they would have said."""

import threading

import numpy as np
import pytest

from completer.drafting.tree import DraftTree, Predictions
from completer.engine.engine import MAX_DRAFT, Engine
from completer.engine.exit_choice import Plan
from completer.engine.exits import Exits
from completer.engine.graphs import StaticPasses
from completer.engine.kv_cache import KVPool
from completer.engine.lean import LeanForward
from completer.engine.lossy import LossyExits
from completer.engine.runner import Runner, kv_layers
from completer.engine.scheduler import Limits
from completer.engine.sequence import GenerationRequest
from completer.engine.stop_policy import Stop
from completer.request import Sampling
from tests.completer.engine.conftest import ScriptedDrafts
from tests.completer.engine.test_attention import random_ids
from tests.completer.engine.test_lossy import ALWAYS, gate
from tests.completer.engine.test_self_speculation import CHEAP, Always, drafting_model
from tests.tiny import CONTEXT

SEQUENCES, CULPRIT, TOKENS = 8, 5, 14
GATES = {2: gate(exit_at=ALWAYS)}
LONGEST = 70  # the culprit's prompt: positions from 45 on are its own


class FaultError(RuntimeError):
    """What a fault raises; torch's own errors are of this kind."""


class FaultyForward:
    """Raises for a pass over a token at one of `positions`, as a model does that cannot take it."""

    def __init__(self, forward) -> None:
        self.device, self.dtype = forward.device, forward.dtype
        self.positions: set[int] = set()
        self.failed = 0
        self._forward = forward

    def __call__(self, ids, positions, rows, step):
        logits = self._forward(ids, positions, rows, step)  # rows are written before it fails
        if not self.positions.isdisjoint(positions.tolist()):
            self.failed += 1
            raise FaultError("this model cannot say what follows")
        return logits


def warmed_up(work):
    """Run work once when it is prepared, as a capture does."""
    work()
    return work


def prompt(number):
    return random_ids(LONGEST if number == CULPRIT else 12 + 2 * number, number)


def ask(number, **options):
    sampling = Sampling(temperature=1.0, seed=number) if number % 2 else Sampling()
    options = {"sampling": sampling, "owner": str(number), **options}
    return GenerationRequest(prompt=prompt(number), max_tokens=TOKENS, **options)


def outcomes(engine, requests):
    """Run all at once: they are submitted while the first step waits."""
    go = threading.Event()
    first = engine.submit(
        GenerationRequest(prompt=[1, 2], max_tokens=1, owner="first"), on_step=lambda _: go.wait(10)
    )
    tickets = [engine.submit(request) for request in requests]
    go.set()
    first.future.result(30)
    return [ticket.future.exception(30) or ticket.future.result() for ticket in tickets]


@pytest.fixture(params=["packed", "static"])
def faulty(request, make_runner):
    """An engine for eight sequences whose model can be made to fail, and that model."""
    runner = make_runner(slots=SEQUENCES + 1)
    runner._forward = forward = FaultyForward(runner._forward)
    runner.static = None
    if request.param == "static":
        runner.static = StaticPasses(forward, runner.pool, prepare=warmed_up, prepare_after=1)
    engine = Engine(runner, limits=Limits(prefill_chunk=16))
    yield engine, forward
    engine.close()


@pytest.fixture
def truth(make_engine):
    """What each says by itself."""
    engine = make_engine(slots=SEQUENCES + 1)
    return [engine.generate(ask(number)).token_ids for number in range(SEQUENCES)]


def assert_only_the_culprit_fails(found, truth, error=FaultError):
    assert isinstance(found[CULPRIT], error)
    others = [number for number in range(SEQUENCES) if number != CULPRIT]
    assert [found[number].token_ids for number in others] == [truth[number] for number in others]


def assert_all_are_well_again(engine, truth):
    """The slots are free, and what they hold is right: rows and tokens, those of the failed too."""
    assert engine.load == (0, 0)
    assert engine._pool.free_slots == SEQUENCES + 1
    again = outcomes(engine, [ask(number) for number in range(SEQUENCES)])
    assert [each.token_ids for each in again] == truth
    longer = [[*prompt(number), *truth[number][:6]] for number in range(SEQUENCES)]
    asked = [
        GenerationRequest(prompt=ids, max_tokens=4, owner=str(number))
        for number, ids in enumerate(longer)
    ]
    fresh = [GenerationRequest(prompt=ids, max_tokens=4, owner="fresh") for ids in longer]
    reusing = outcomes(engine, asked)
    assert all(each.stats.reused_tokens > 0 for each in reusing)
    engine.forget()
    assert [each.token_ids for each in reusing] == [
        engine.generate(each).token_ids for each in fresh
    ]


@pytest.mark.parametrize("drafted", [False, True], ids=["no drafts", "drafts"])
@pytest.mark.parametrize("at", [LONGEST - 20, LONGEST - 1, LONGEST + 4])
def test_a_model_that_raises_for_one_sequence(at, drafted, faulty, truth):
    """In a chunk of its prompt, at the prompt's end, in decoding."""
    engine, forward = faulty
    forward.positions = {at}
    drafts = [ScriptedDrafts(text) if drafted else None for text in truth]
    found = outcomes(engine, [ask(i, drafts=each) for i, each in enumerate(drafts)])

    assert_only_the_culprit_fails(found, truth)
    assert 2 <= forward.failed <= 4  # with the others, then alone; perhaps to prepare a shape
    if drafted:
        assert all(each.stopped for each in drafts)
        for number, each in enumerate(drafts):
            if number != CULPRIT:  # learned once, however often it was computed
                assert tuple(each.emitted[:TOKENS]) == truth[number]
                assert found[number].stats.accepted > 0
    forward.positions = set()
    assert_all_are_well_again(engine, truth)


class Raising(ScriptedDrafts):
    """Drafts one of whose methods raises, after it has worked `well` times."""

    def __init__(self, truth, method, well) -> None:
        super().__init__(truth)
        self.method, self.well = method, well

    def _reach(self, method):
        if method == self.method:
            self.well -= 1
            if self.well < 0:
                raise FaultError(method)

    def propose(self, max_tokens, step_cost):
        self._reach("propose")
        return super().propose(max_tokens, step_cost)

    def observe(self, tree, accepted, top_candidates=None):
        self._reach("observe")
        super().observe(tree, accepted, top_candidates)

    def predict(self, tree):
        self._reach("predict")
        return _nothing_expected(tree)

    def stop(self):
        super().stop()
        self._reach("stop")


class Expecting(ScriptedDrafts):
    """Drafts with no opinion of their own on what follows."""

    def predict(self, tree):
        return _nothing_expected(tree)


def _nothing_expected(tree: DraftTree) -> Predictions:
    rows = 1 + len(tree)
    return Predictions(np.empty(0, np.int32), np.empty(0), np.zeros(rows + 1, np.int64))


@pytest.mark.parametrize("method", ["propose", "observe", "predict"])
def test_drafts_that_raise_for_one_sequence(method, faulty, truth):
    engine, _ = faulty
    drafts = [
        Raising(text, method, well=1) if number == CULPRIT else Expecting(text)
        for number, text in enumerate(truth)
    ]
    weight = 0.5 if method == "predict" else 0.0
    found = outcomes(
        engine, [ask(i, drafts=each, repository_weight=weight) for i, each in enumerate(drafts)]
    )

    assert_only_the_culprit_fails(found, truth)
    assert all(each.stopped for each in drafts)
    assert_all_are_well_again(engine, truth)


def test_drafts_that_cannot_be_ended_hurt_nobody(faulty, truth):
    engine, _ = faulty
    drafts = [Raising(text, "stop", well=0) for text in truth]
    found = outcomes(engine, [ask(i, drafts=each) for i, each in enumerate(drafts)])

    assert [each.token_ids for each in found] == truth
    assert_all_are_well_again(engine, truth)


class RaisingPolicy:
    """A policy that raises after a few tokens."""

    wants_signals = True

    def after_token(self, ids, signals, *, ended) -> Stop | None:
        if len(ids) >= 4:
            raise FaultError("after_token")
        return None


@pytest.mark.parametrize("drafted", [False, True], ids=["no drafts", "drafts"])
def test_a_policy_that_raises_for_one_sequence(drafted, faulty, truth):
    engine, _ = faulty
    policies = [RaisingPolicy() if i == CULPRIT else None for i in range(SEQUENCES)]
    drafts = [ScriptedDrafts(text) if drafted else None for text in truth]
    found = outcomes(
        engine,
        [
            ask(i, policy=policy, drafts=each)
            for i, (policy, each) in enumerate(zip(policies, drafts, strict=True))
        ],
    )

    assert_only_the_culprit_fails(found, truth)
    assert_all_are_well_again(engine, truth)


def test_a_listener_that_raises_ends_its_own_request(faulty, truth):
    engine, _ = faulty

    def fail(tokens):
        raise FaultError("nobody listens any more")

    broken = engine.submit(ask(CULPRIT), on_step=fail)
    others = [engine.submit(ask(i)) for i in range(SEQUENCES) if i != CULPRIT]

    assert isinstance(broken.future.exception(30), FaultError)
    expected = [text for i, text in enumerate(truth) if i != CULPRIT]
    assert [each.future.result(30).token_ids for each in others] == expected


def test_a_request_that_cannot_be_admitted_ends_alone(faulty, truth):
    engine, _ = faulty
    impossible = GenerationRequest(prompt=[1 << 40], max_tokens=3, owner="x")
    found = outcomes(engine, [*(ask(i) for i in range(4)), impossible, *(ask(i) for i in range(4))])

    assert isinstance(found[4], OverflowError)
    assert [each.token_ids for i, each in enumerate(found) if i != 4] == truth[:4] * 2
    assert engine._pool.free_slots == SEQUENCES + 1


def test_a_token_that_the_model_does_not_know_ends_its_own_request(faulty, truth, device):
    if device.type != "cpu":
        pytest.skip("what a GPU makes of it can only be mended by a new process")
    engine, _ = faulty
    requests = [ask(i) for i in range(SEQUENCES)]
    unknown = [*prompt(CULPRIT)[:-9], 1_000_000, *prompt(CULPRIT)[-8:]]
    requests[CULPRIT] = GenerationRequest(prompt=unknown, max_tokens=TOKENS, owner="x")

    assert_only_the_culprit_fails(outcomes(engine, requests), truth, IndexError)
    assert_all_are_well_again(engine, truth)


def test_a_fault_that_only_several_bring_about_fails_nobody(faulty, truth):
    """Whatever is wrong with a pass over more than two sequences, each of them can go on."""
    engine, forward = faulty
    inner = forward._forward

    def only_few(ids, positions, rows, step):
        sequences = step._bucket.sequences if hasattr(step, "_bucket") else len(step.segments)
        if sequences > 2:
            raise FaultError("too many")
        return inner(ids, positions, rows, step)

    forward._forward = only_few
    found = outcomes(engine, [ask(i) for i in range(SEQUENCES)])

    assert [each.token_ids for each in found] == truth


def test_a_fault_does_not_end_the_graphs(faulty, truth):
    """Preparing a shape fails because of a request: shapes are prepared again afterwards."""
    engine, forward = faulty
    static = engine._runner.static
    if static is None:
        pytest.skip("packed")
    forward.positions = {LONGEST - 20}
    outcomes(engine, [ask(i) for i in range(SEQUENCES)])
    assert forward.failed > 2  # one of them when a shape was prepared
    forward.positions = set()
    before = len(static.prepared)
    outcomes(engine, [ask(i) for i in range(SEQUENCES)])

    assert len(static.prepared) > before
    assert static.given_up == ""


@pytest.fixture
def make_exits(device):
    """Make an engine whose early layers may be asked, and which can be made to fail."""
    engines = []

    def make(monkeypatch, positions, **options):
        model = drafting_model(device, share=1.0)
        pool = KVPool(
            kv_layers(model),
            slots=4,
            capacity=CONTEXT + MAX_DRAFT,
            dtype=model.dtype,
            device=device,
        )
        forward = LeanForward(model, pool.capacity)
        exits = Exits(forward.layers, pool)
        advance = exits.advance

        def fail(hidden, segments, first, last):
            reached = {at for segment in segments for at in segment.positions().tolist()}
            if not positions.isdisjoint(reached):
                raise FaultError("a layer")
            return advance(hidden, segments, first, last)

        monkeypatch.setattr(exits, "advance", fail)
        runner = Runner(forward, pool)
        engines.append(
            Engine(runner, **{name: kind(runner, exits) for name, kind in options.items()})
        )
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("at", [LONGEST - 1, LONGEST + 4])
def test_an_early_exit_that_raises_for_one_sequence(at, make_exits, monkeypatch):
    engines = [
        make_exits(monkeypatch, positions, lossy=lambda _, exits: LossyExits(exits, GATES))
        for positions in (set(), {at})
    ]
    requests = [ask(i, lossy=True) for i in (1, CULPRIT, 2)]
    whole, faulty = (outcomes(engine, requests) for engine in engines)

    assert isinstance(faulty[1], FaultError)
    assert [faulty[i].token_ids for i in (0, 2)] == [whole[i].token_ids for i in (0, 2)]
    assert [faulty[i].stats.skipped_layers for i in (0, 2)] == [
        whole[i].stats.skipped_layers for i in (0, 2)
    ]


def test_early_layers_that_cannot_draft_cost_a_draft_and_no_text(make_exits, monkeypatch):
    """What they had guessed by then is not held against the next sequence."""
    begin = LONGEST + 2
    engine = make_exits(
        monkeypatch,
        {begin, begin + 1},
        self_speculation=lambda runner, exits: Always(runner, exits, CHEAP).follow(
            Plan(2, 4, 0.0, 9.0)
        ),
    )
    result = engine.generate(ask(CULPRIT))

    assert result.token_ids == make_exits(monkeypatch, set()).generate(ask(CULPRIT)).token_ids
    assert result.stats.drafted > 0
    assert engine.self_speculation._guesses == []
