"""Layers run one by one say what the whole model says, and what is skipped can be filled in."""

import pytest
import torch

from models.int8 import Int8Linear
from models.layers import DecoderLayers, attend_window, why_not
from models.quantising import quantise
from tests.models.quantised_cpu import needs_int8
from tests.tiny import FAMILIES, tiny_model

VOCABULARY = 64
LENGTH = 20
KNOWN = ["llama", "qwen2", "mistral"]


def ids_of(seed=0):
    return torch.randint(VOCABULARY, (LENGTH,), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("family", KNOWN)
def test_every_layers_state_is_the_models_own(family):
    model = tiny_model(family, VOCABULARY, num_hidden_layers=3)
    ids, positions = ids_of(), torch.arange(LENGTH)
    with torch.inference_mode():
        expected = model(ids[None], output_hidden_states=True)
        layers = DecoderLayers(model, LENGTH)
        hidden = layers.embed(ids)
        for number in range(3):
            torch.testing.assert_close(hidden, expected.hidden_states[number][0])
            hidden = layers.run_layers(hidden, positions, number, number + 1, attend_window)

    torch.testing.assert_close(layers.predict(hidden), expected.logits[0])


def test_a_sliding_window_is_that_of_the_model():
    model = tiny_model("mistral", VOCABULARY, sliding_window=6)
    ids = ids_of()
    with torch.inference_mode():
        expected = model(ids[None]).logits[0]
        layers = DecoderLayers(model, LENGTH)
        hidden = layers.run_layers(
            layers.embed(ids), torch.arange(LENGTH), 0, layers.depth, attend_window
        )

    torch.testing.assert_close(layers.predict(hidden), expected)


def test_a_long_text_is_widened_in_pieces(monkeypatch):
    model = tiny_model("llama", VOCABULARY)
    layers, ids, positions = DecoderLayers(model, LENGTH), ids_of(), torch.arange(LENGTH)

    def run():
        return layers.run_layers(layers.embed(ids), positions, 0, layers.depth, attend_window)

    whole = run()
    seen = []
    feed_forward = layers._feed_forward
    monkeypatch.setattr("models.layers.PIECE", 8)
    monkeypatch.setattr(
        layers, "_feed_forward", lambda layer, h: seen.append(len(h)) or feed_forward(layer, h)
    )

    torch.testing.assert_close(run(), whole)
    assert seen == [8, 8, 4] * layers.depth


@needs_int8
@pytest.mark.parametrize("family", KNOWN)
def test_int8_layers_are_stacked_as_well(family):
    model = tiny_model(family, VOCABULARY)
    quantise(model, "int8")
    ids = ids_of()
    with torch.inference_mode():
        expected = model(ids[None]).logits[0]
        layers = DecoderLayers(model, LENGTH)
        hidden = layers.run_layers(
            layers.embed(ids), torch.arange(LENGTH), 0, layers.depth, attend_window
        )
        torch.testing.assert_close(model(ids[None]).logits[0], expected)

    torch.testing.assert_close(layers.predict(hidden), expected, atol=2e-3, rtol=0)
    attention = model.model.layers[0].self_attn
    assert isinstance(attention.q_proj, Int8Linear)
    assert attention.q_proj.weight.untyped_storage().data_ptr() == (
        attention.v_proj.weight.untyped_storage().data_ptr()
    )


def test_rows_that_are_filled_in_are_those_the_layer_would_have_computed():
    layers = DecoderLayers(tiny_model("llama", VOCABULARY, num_hidden_layers=3), LENGTH)
    hidden, positions = layers.embed(ids_of()), torch.arange(LENGTH)
    computed, filled = {}, {}

    def remember(layer, query, key, value, **options):
        computed[layer] = key[0], value[0]
        return attend_window(layer, query, key, value, **options)

    for number in (1, 2):
        layers.run_layers(hidden, positions, number, number + 1, remember)
    layers.fill_rows(
        hidden, positions, 1, 3, lambda layer, key, value: filled.update({layer: (key, value)})
    )

    assert filled.keys() == {1, 2}
    for number in (1, 2):
        torch.testing.assert_close(filled[number], computed[number])


def test_it_says_which_architectures_it_cannot_run():
    refused = {family: why_not(tiny_model(family, VOCABULARY)) for family in FAMILIES}

    assert "gemma2" in refused["gemma2"]
    assert [family for family, reason in refused.items() if not reason] == [
        "llama",
        "code-llama",
        "deepseek",
        "qwen2",
        "mistral",
    ]
