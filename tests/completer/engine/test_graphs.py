"""Which shapes are prepared, how many are kept, and what happens where that fails."""

import inspect
import logging
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from completer.engine.attention import Segment
from completer.engine.engine import Engine
from completer.engine.graphs import CudaCapture, StaticPasses, as_it_is
from completer.engine.scheduler import Limits
from completer.engine.sequence import GenerationRequest
from completer.request import Sampling
from tests.completer.engine.conftest import ScriptedDrafts
from tests.completer.engine.test_attention import TOLERANCE, random_ids
from tests.tiny import FAMILIES

REAL_CAPTURE = inspect.signature(torch.cuda.graph.__init__)


def step(passes, tokens, slot=0):
    """Run one step of `tokens` in the mode that the runner runs in."""
    with torch.inference_mode():
        return passes.run([Segment(slot, 0, tokens)], list(range(tokens)), np.arange(tokens))


@pytest.fixture
def runner(make_runner):
    return make_runner("llama")


def passes_over(runner, **options):
    return StaticPasses(runner._forward, runner.pool, **options)


def test_a_shape_is_prepared_once_and_when_it_comes_again(runner):
    prepared = []

    def prepare(work):
        prepared.append(work)
        return as_it_is(work)

    passes = passes_over(runner, prepare=prepare, prepare_after=2)

    assert step(passes, 3) is None
    assert step(passes, 4) is not None  # of the same bucket
    assert step(passes, 3) is not None
    assert step(passes, 5) is None
    assert len(prepared) == 1


def test_what_was_prepared_is_what_runs(runner):
    """Each step replays what was prepared, after its inputs have been filled in."""
    replayed = []

    def prepare(work):
        def replay():
            replayed.append(None)
            work()

        return replay

    passes = passes_over(runner, prepare=prepare, prepare_after=1)
    logits = [step(passes, 4, slot) for slot in (0, 1, 2)]

    assert len(replayed) == 3
    for each in logits[1:]:
        torch.testing.assert_close(each, logits[0], atol=TOLERANCE, rtol=0)


def test_the_shape_used_longest_ago_is_forgotten(runner):
    passes = passes_over(runner, prepare_after=1, most=2)
    for tokens in (1, 2, 1, 4):
        step(passes, tokens)

    assert [bucket.tokens for bucket in passes.prepared] == [1, 4]


def test_a_forgotten_shape_has_to_come_again_before_it_is_prepared_again(runner):
    passes = passes_over(runner, prepare_after=2, most=1)
    for tokens in (1, 1, 2, 2):
        step(passes, tokens)

    assert step(passes, 1) is None
    assert step(passes, 1) is not None


def test_where_preparing_fails_steps_run_as_before(runner, caplog):
    def prepare(work):
        raise RuntimeError("operation not permitted when stream is capturing")

    runner.static = passes_over(runner, prepare=prepare, prepare_after=1)
    with caplog.at_level(logging.WARNING):
        logits = runner.forward([Segment(0, 0, 3)], [1, 2, 3], np.arange(3))
        runner.forward([Segment(0, 0, 3)], [1, 2, 3], np.arange(3))

    assert logits.shape[0] == 3
    assert runner.graphs_given_up == "operation not permitted when stream is capturing"
    assert [record.getMessage() for record in caplog.records] == [
        "steps run without graphs from now on: operation not permitted when stream is capturing"
    ]


def test_after_clear_everything_is_prepared_anew(runner):
    passes = passes_over(runner, prepare_after=1)
    step(passes, 3)
    passes.clear()

    assert passes.prepared == []
    assert step(passes, 3) is not None


@pytest.fixture
def make_engine_pair(make_runner):
    """The same engine with packed and with static passes."""
    engines = []

    def make(family):
        for is_static in (False, True):
            runner = make_runner(family, slots=4)
            runner.static = passes_over(runner) if is_static else None
            engines.append(Engine(runner, limits=Limits(prefill_chunk=48)))
        return engines

    yield make
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_an_engine_says_the_same_with_static_passes(family, make_engine_pair):
    packed, static = make_engine_pair(family)
    for sampling in (Sampling(), Sampling(temperature=1.0, seed=3)):
        texts = [packed.generate(request(i, sampling, owner="packed")).token_ids for i in range(5)]
        tickets = [
            static.submit(request(i, sampling, drafts=ScriptedDrafts(text), owner=str(i)))
            for i, text in enumerate(texts)
        ]
        assert [ticket.future.result().token_ids for ticket in tickets] == texts
    assert len(static._runner.static.prepared) > 3


def request(number, sampling, **options):
    return GenerationRequest(
        prompt=random_ids(12 + 23 * number, number), max_tokens=24, sampling=sampling, **options
    )


class FakeCuda:
    """Takes the calls that a capture makes, in torch's own signatures, and notes their order."""

    def __init__(self, monkeypatch, *, fails=False):
        self.done = []
        self.current = "main"
        self._fails = fails
        for name in ("Stream", "device", "stream", "graph", "current_stream", "CUDAGraph"):
            monkeypatch.setattr(f"torch.cuda.{name}", getattr(self, name))
        monkeypatch.setattr("torch.cuda.graph_pool_handle", lambda: "the pool")

    def _stream(self, name):
        return SimpleNamespace(
            name=name, wait_stream=lambda other: self.done.append(f"{name} waits for {other.name}")
        )

    def Stream(self, device):  # noqa: N802
        return self._stream("side")

    def current_stream(self):
        return self._stream(self.current)

    def CUDAGraph(self):  # noqa: N802
        return SimpleNamespace(replay=lambda: self.done.append("replay"))

    def device(self, device):
        return nullcontext()

    @contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream.name
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, *arguments, **options):
        """As torch's: where the capture cannot be ended, its stream stays current."""
        REAL_CAPTURE.bind(None, *arguments, **options)
        assert options["pool"] == "the pool"
        before, self.current = self.current, f"{options['stream'].name}, captured"
        yield
        if self._fails:
            raise RuntimeError("the capture was invalidated")
        self.current = before

    def work(self):
        self.done.append(f"work, {self.current}")


def test_a_capture_follows_torchs_rules(monkeypatch):
    """Warm-up on a side stream, between two waits; then the capture; then only replays."""
    cuda = FakeCuda(monkeypatch)
    replay = CudaCapture(torch.device("cuda"))(cuda.work)
    replay()

    assert cuda.done == [
        "side waits for main",
        "work, side",
        "work, side",
        "main waits for side",
        "work, side, captured",
        "replay",
    ]


def test_a_capture_that_fails_leaves_the_stream_as_it_was(monkeypatch):
    cuda = FakeCuda(monkeypatch, fails=True)
    with pytest.raises(RuntimeError, match="invalidated"):
        CudaCapture(torch.device("cuda"))(cuda.work)

    assert cuda.current == "main"


def test_a_captured_graph_computes_what_is_filled_in(make_runner, device):
    if device.type != "cuda":
        pytest.skip("run with --device cuda")
    runner = make_runner("llama", lean=True)
    passes = passes_over(runner, prepare_after=1)
    for seed in range(10):
        ids = random_ids(6, seed)
        segments = [Segment(seed % 4, 0, 4), Segment((seed + 1) % 4, 0, 2)]
        runner.static = passes
        captured = runner.forward(segments, ids, np.arange(6))
        runner.static = None
        expected = runner.forward(segments, ids, np.arange(6))

        torch.testing.assert_close(captured, expected, atol=TOLERANCE, rtol=0)
    assert len(passes.prepared) == 1
