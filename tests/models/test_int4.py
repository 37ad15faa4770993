"""int4 weights are what their groups say, in few rows as in many; other shapes are refused."""

import pytest
import torch
from torch import nn

from models.errors import ModelError
from models.int4 import GROUP, Int4Linear, check_device, quantise_groups
from models.int8_table import Int8Embedding, Int8Head
from models.layers import DecoderLayers, attend_window
from models.quantising import quantise, quantised_dtype
from tests.models.quantised_cpu import needs_int4
from tests.tiny import tiny_model

pytestmark = needs_int4
VOCABULARY = 80
SIZES = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
}
"""The smallest of which every layer can be packed."""


def random_linear(inputs=192, outputs=128, *, bias=True, seed=0):
    torch.manual_seed(seed)
    linear = nn.Linear(inputs, outputs, bias=bias).bfloat16().requires_grad_(False)
    linear.weight.data *= 1 + torch.randn(outputs, inputs).exp().bfloat16()
    return linear


def meant(linear):
    """The weights that a layer was rounded to, in float32."""
    integers, scales = quantise_groups(linear.weight)
    scale, zero = scales.split(1, dim=-1)
    groups = integers.view(*scale.shape[:2], GROUP).float()
    return ((groups - 8) * scale + zero).view_as(linear.weight)


@pytest.mark.parametrize("rows", [1, 17])
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_product_of_what_weights_are_rounded_to(rows, bias):
    linear = random_linear(bias=bias)
    states = torch.randn(rows, 192).bfloat16()
    expected = states.float() @ meant(linear).T + (linear.bias.float() if bias else 0)

    product = Int4Linear(linear)(states)
    assert product.dtype == torch.bfloat16
    assert (product.float() - expected).norm() < 0.01 * expected.norm()


def test_rounding_stays_within_a_step_and_is_better_than_plain(monkeypatch):
    linear = random_linear()
    fitted = (meant(linear) - linear.weight.float()).abs().mean()
    monkeypatch.setattr("models.int4._fitted_zero", lambda groups, scale, zero: zero)
    plain = meant(linear) - linear.weight.float()
    steps = quantise_groups(linear.weight)[1][..., 0].repeat_interleave(GROUP, -1)
    assert (plain.abs() <= 0.52 * steps + plain.abs().mean() * 0.05).all()
    assert fitted < plain.abs().mean()


@pytest.mark.parametrize("weight", [0.5, -64.0])
def test_weights_that_are_all_the_same_stay_what_they_are(weight):
    linear = random_linear(bias=False)
    linear.weight.data.fill_(weight)
    torch.testing.assert_close(meant(linear), linear.weight.float(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("rows", [1, 9])
def test_a_table_is_looked_up_and_read_out(rows):
    torch.manual_seed(0)
    weight = torch.randn(VOCABULARY, 64).bfloat16()
    table = Int8Embedding(weight)
    ids = torch.randint(VOCABULARY, (rows,))
    assert (table(ids) - weight[ids]).norm() < 0.01 * weight[ids].norm()
    states = torch.randn(rows, 64).bfloat16()
    expected = states.float() @ weight.float().T
    assert (Int8Head(table)(states).float() - expected).norm() < 0.01 * expected.norm()


@pytest.mark.parametrize("family", ["llama", "qwen2", "mistral", "qwen3", "starcoder2", "gemma"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_quantised_model_says_nearly_the_same(family, tied):
    shape = {**SIZES, "tie_word_embeddings": tied}
    model, exact = (tiny_model(family, VOCABULARY, **shape).bfloat16() for _ in range(2))
    quantise(model, "int4")
    ids = torch.randint(VOCABULARY, (1, 30))
    with torch.inference_mode():
        logits, expected = model(ids).logits[0].float(), exact(ids).logits[0].float()

    assert quantised_dtype(model) == "int4"
    assert 0 < (logits - expected).norm() < 0.25 * expected.norm()
    shared = model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert shared == tied
    assert sum(each.nbytes for each in model.parameters()) < 0.45 * sum(
        each.nbytes for each in exact.parameters()
    )


@pytest.mark.parametrize("family", ["llama", "qwen2", "mistral"])
def test_layers_one_by_one_say_what_the_whole_model_says(family):
    model = tiny_model(family, VOCABULARY, **SIZES).bfloat16()
    quantise(model, "int4")
    ids = torch.randint(VOCABULARY, (30,))
    with torch.inference_mode():
        expected = model(ids[None]).logits[0].float()
        layers = DecoderLayers(model, 30)
        hidden = layers.run_layers(layers.embed(ids), torch.arange(30), 0, 2, attend_window)
        logits = layers.predict(hidden).float()
    assert layers.width == SIZES["hidden_size"]
    assert (logits - expected).norm() < 0.02 * expected.norm()


def test_layers_of_other_shapes_and_other_devices_are_refused():
    model = tiny_model("llama", VOCABULARY, hidden_size=96, num_attention_heads=4)
    with pytest.raises(ModelError, match="96 inputs"):
        quantise(model, "int4")
    assert quantised_dtype(model) is None
    with pytest.raises(ModelError, match="not on cuda:1") as refusal:
        check_device(torch.device("cuda:1"))
    assert "model.dtype" in refusal.value.hint


def test_rows_that_do_not_lie_together_are_mapped():
    layer, table = Int4Linear(random_linear()), Int8Embedding(torch.randn(VOCABULARY, 192))
    spread = torch.randn(2, 384).bfloat16()[:, ::2]
    for module in (layer, Int8Head(table)):
        assert torch.equal(
            module(spread), module(spread.clone(memory_format=torch.contiguous_format))
        )


def test_processors_without_the_instruction_are_refused(monkeypatch):
    monkeypatch.setattr("models.int4.has_kernels", lambda: False)
    with pytest.raises(ModelError, match="no instruction"):
        check_device(torch.device("cpu"))
