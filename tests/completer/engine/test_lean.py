"""The lean forward pass says what the model's own code says, and refuses what it does not know."""

import numpy as np
import pytest
import torch

from completer.engine.attention import Segment
from completer.engine.lean import LeanForward, supports
from tests.completer.engine.conftest import VOCABULARY
from tests.completer.engine.test_attention import random_ids, reference
from tests.tiny import FAMILIES, tiny_model

SUPPORTED = [family for family in FAMILIES if supports(tiny_model(family, VOCABULARY))]


def test_the_families_it_knows():
    assert SUPPORTED == ["llama", "code-llama", "deepseek", "qwen2", "mistral"]


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_act": "gelu"},
        {"mlp_bias": True},
        {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}},
    ],
)
def test_what_it_does_not_compute_it_does_not_support(change):
    assert not supports(tiny_model("llama", VOCABULARY, **change))


@pytest.mark.parametrize("family", SUPPORTED)
def test_logits_equal_the_models_own(family, make_runner, device):
    ids = random_ids(40)
    runner = make_runner(family, lean=True)
    first = runner.forward([Segment(1, 0, 25)], ids[:25], np.arange(25))
    second = runner.forward([Segment(1, 25, 15)], ids[25:], np.arange(15))

    expected = reference(family, ids, device)
    torch.testing.assert_close(torch.cat([first, second]), expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    "change",
    [
        {"attention_bias": True},
        {"tie_word_embeddings": True},
        {"num_key_value_heads": 4},
        {"head_dim": 16},
        {
            "rope_parameters": {
                "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 1e4,
            }
        },
    ],
    ids=["bias", "tied", "no grouping", "wide heads", "llama3 rope"],
)  # fmt: skip
def test_variants_of_the_family(change, make_runner, device):
    ids = random_ids(30)
    logits = make_runner(lean=True, **change).forward([Segment(0, 0, 30)], ids, np.arange(30))
    model = tiny_model("llama", VOCABULARY, **change).to(device)
    with torch.inference_mode():
        expected = model(torch.tensor([ids], device=device), use_cache=False).logits[0]

    torch.testing.assert_close(logits, expected, atol=2e-5, rtol=0)


def test_a_sliding_window_hides_what_is_further_back(make_runner, device):
    change = {"sliding_window": 8}
    ids = random_ids(30)
    logits = make_runner("mistral", lean=True, **change).forward(
        [Segment(0, 0, 30)], ids, np.arange(30)
    )
    model = tiny_model("mistral", VOCABULARY, **change).to(device)
    with torch.inference_mode():
        expected = model(torch.tensor([ids], device=device), use_cache=False).logits[0]

    torch.testing.assert_close(logits, expected, atol=2e-5, rtol=0)


def test_no_weight_is_held_twice():
    model = tiny_model("qwen2", VOCABULARY)
    LeanForward(model, 32)
    attention = model.model.layers[0].self_attn

    storages = {each.weight.untyped_storage().data_ptr() for each in
                (attention.q_proj, attention.k_proj, attention.v_proj)}  # fmt: skip
    assert len(storages) == 1


def test_the_model_still_works_by_itself():
    model = tiny_model("llama", VOCABULARY)
    ids = torch.tensor([random_ids(10)])
    before = model(ids).logits
    LeanForward(model, 32)

    torch.testing.assert_close(model(ids).logits, before)
