"""Whatever attends takes results in the layout that a GPU gives them, and says the same."""

import numpy as np
import pytest
import torch

from completer.engine.attention import Segment
from completer.engine.engine import Engine
from completer.engine.graphs import StaticPasses
from completer.engine.scheduler import Limits
from completer.engine.sequence import GenerationRequest
from completer.request import Sampling
from models.layers import DecoderLayers, attend_window
from tests.completer.engine.conftest import VOCABULARY, ScriptedDrafts
from tests.completer.engine.test_attention import TOLERANCE, random_ids
from tests.cuda_layout import as_on_cuda, lay_out_as_on_cuda
from tests.tiny import FAMILIES, tiny_model

TREE = np.array([-1, 0, 0, 2], np.int32)
LEAN = ("llama", "qwen2", "mistral")
FORWARDS = [(family, False) for family in FAMILIES] + [(family, True) for family in LEAN]


def test_the_layout_is_that_of_a_gpu():
    query = torch.randn(2, 3, 5, 4)
    attended = as_on_cuda(query, query, query)

    assert attended.shape == query.shape
    assert attended.stride() == (60, 4, 12, 1)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        attended.view(2, 15, 4)


def test_all_modules_that_attend_are_handed_it(monkeypatch):
    assert lay_out_as_on_cuda(monkeypatch) == {
        "completer.engine.attention",
        "completer.engine.static",
        "models.layers",
    }


@pytest.mark.parametrize("static", [False, True], ids=["packed", "static"])
@pytest.mark.parametrize(
    ("family", "lean"), FORWARDS, ids=[f"{name}{' lean' * lean}" for name, lean in FORWARDS]
)
def test_steps_of_all_kinds_say_the_same(family, lean, static, make_runner, monkeypatch):
    """A whole prompt, one token, a chunk, a tree; by itself and beside others."""
    runner = make_runner(family, lean=lean)
    runner.static = None
    steps = [
        [Segment(0, 0, 40)],
        [Segment(0, 40, 1)],
        [Segment(0, 41, 3)],
        [Segment(0, 44, 1, TREE)],
        [Segment(1, 0, 12), Segment(0, 44, 2, TREE), Segment(2, 0, 1)],
    ]
    said = []
    for patched in (False, True):
        if patched:
            lay_out_as_on_cuda(monkeypatch)
            if static:
                runner.static = StaticPasses(runner._forward, runner.pool, prepare_after=1)
        said.append([forward(runner, segments) for segments in steps])

    for expected, found in zip(*said, strict=True):
        torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)
    if static:
        assert len(runner.static.prepared) == 5
        assert runner.graphs_given_up == ""


def forward(runner, segments):
    ids = random_ids(sum(segment.length for segment in segments))
    return runner.forward(segments, ids, np.arange(len(ids)))


@pytest.mark.parametrize("family", LEAN)
def test_a_text_that_stands_alone_says_the_same(family, monkeypatch, device):
    """As exits are fitted: without a pool."""
    layers = DecoderLayers(tiny_model(family, VOCABULARY).to(device), 64)
    ids = torch.tensor(random_ids(30), device=device)

    def run(window):
        def attend(layer, query, key, value, *, scaling, **_):
            return attend_window(layer, query, key, value, scaling=scaling, window=window)

        positions = torch.arange(30, device=device)
        return layers.run_layers(layers.embed(ids), positions, 0, layers.depth, attend)

    expected = [run(0), run(7)]
    lay_out_as_on_cuda(monkeypatch)

    torch.testing.assert_close([run(0), run(7)], expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt_bigcode"])
def test_an_engine_of_static_steps_says_the_same(family, make_runner, monkeypatch):
    texts = []
    for patched in (False, True):
        runner = make_runner(family)
        runner.static = None
        if patched:
            runner.static = StaticPasses(runner._forward, runner.pool, prepare_after=1)
            lay_out_as_on_cuda(monkeypatch)
        engine = Engine(runner, limits=Limits(prefill_chunk=48))
        tickets = [engine.submit(request(i, texts[0][i] if patched else None)) for i in range(4)]
        texts.append([ticket.future.result(60).token_ids for ticket in tickets])
        engine.close()

    assert texts[0] == texts[1]
    assert runner.graphs_given_up == ""
    assert runner.static.prepared


def request(number, truth):
    return GenerationRequest(
        prompt=random_ids(12 + 23 * number, number),
        max_tokens=20,
        sampling=Sampling(temperature=1.0, seed=3) if number % 2 else Sampling(),
        drafts=ScriptedDrafts(truth) if truth else None,
        owner=str(number),
    )
