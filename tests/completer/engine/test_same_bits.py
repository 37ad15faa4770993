"""On a CPU, a token's logits do not depend on what else is in its pass: not in one bit.

Processors that multiply tiles (AMX) are an exception for bfloat16: there oneDNN adds up in another
order for other numbers of rows.
"""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from completer.engine.attention import Segment
from completer.engine.kv_cache import KVPool
from completer.engine.lean import LeanForward
from completer.engine.runner import Runner, kv_layers
from models.half_linear import multiplies_in_tiles
from models.quantising import quantise

LENGTH, CAPACITY, VOCABULARY = 600, 700, 300
IDS = np.random.default_rng(0).integers(0, VOCABULARY, LENGTH).tolist()


TILES = multiplies_in_tiles(torch.bfloat16)


@pytest.fixture(params=["bfloat16", "int8"])
def runner(request):
    if request.param == "bfloat16" and TILES:
        pytest.skip("this processor multiplies bfloat16 in tiles")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=672, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=CAPACITY,
    )  # fmt: skip
    model = LlamaForCausalLM(config).to(torch.bfloat16).eval()
    if request.param == "int8":
        quantise(model, "int8")
    pool = KVPool(
        kv_layers(model), slots=2, capacity=CAPACITY, dtype=torch.float32, device=model.device
    )
    return Runner(LeanForward(model, CAPACITY), pool)


def logits(runner, chunks, slot=0):
    """The logits [LENGTH, V] of a text that is run in chunks."""
    begin, found = 0, []
    for chunk in chunks:
        segment = Segment(slot, begin, chunk)
        found.append(runner.forward([segment], IDS[begin : begin + chunk], np.arange(chunk)))
        begin += chunk
    return torch.cat(found)


@pytest.mark.parametrize(
    "chunks", [[256, 256, 88], [77, 180, 3, 240, *[5] * 20], [256, 244, *[1] * 100], [300, 300]]
)
def test_it_does_not_matter_how_a_text_is_cut(runner, chunks):
    assert torch.equal(logits(runner, chunks), logits(runner, [512, 88], slot=1))


def test_it_does_not_matter_which_drafts_stand_beside_a_token(runner):
    plain = logits(runner, [500, 100])
    logits(runner, [500, 100], slot=1)
    # the text's next three tokens, with other branches between them
    parents = np.array([-1, -1, 1, 0, 2, 2], np.int32)
    nodes = [7, IDS[501], IDS[502], 8, 9, IDS[503]]
    tree = Segment(1, 500, 1, parents)
    found = runner.forward([tree], [IDS[500], *nodes], np.array([0, 2, 3, 6]))
    assert torch.equal(found, plain[500:504])


def test_it_does_not_matter_who_else_is_in_the_pass(runner):
    plain = logits(runner, [500, 100])
    logits(runner, [500], slot=1)
    both = [Segment(0, 500, 3), Segment(1, 500, 1)]
    found = runner.forward(both, [*IDS[500:503], IDS[500]], np.arange(4))
    assert torch.equal(found[:3], plain[500:503])
    assert torch.equal(found[3], plain[500])


@pytest.mark.usefixtures("threads_as_before")
def test_it_does_not_matter_on_how_many_threads(runner):
    torch.set_num_threads(1)
    alone = logits(runner, [256, 256, 88])
    torch.set_num_threads(2)
    assert torch.equal(logits(runner, [256, 256, 88], slot=1), alone)
