"""int8 products are exact, each row's its own; what cannot be quantised is refused."""

import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import GPT2Config
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from models import int8
from models.errors import ModelError
from models.int8 import Int8Linear, check_device, int8_linear
from models.quantising import quantise, quantised_dtype
from tests.models.quantised_cpu import needs_int8
from tests.tiny import FAMILIES, tiny_model

VOCABULARY = 64


def random_linear(inputs, outputs, *, bias=True, seed=0):
    torch.manual_seed(seed)
    return nn.Linear(inputs, outputs, bias=bias).requires_grad_(False)


@needs_int8
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_product_of_what_both_sides_are_rounded_to(bias):
    linear = random_linear(48, 20, bias=bias)
    quantised = Int8Linear(linear)
    states = torch.randn(2, 5, 48)
    scale = states.abs().amax(-1, keepdim=True).double() / 127
    rounded = (states / scale).round() * scale
    weights = quantised.weight.double() * quantised.scale.double()[:, None]

    expected = rounded @ weights.T + (linear.bias.double() if bias else 0)
    torch.testing.assert_close(quantised(states), expected.float(), atol=1e-5, rtol=1e-5)
    assert float((weights - linear.weight).abs().max()) <= float(quantised.scale.max()) / 2 + 1e-7
    assert (quantised(states) - linear(states)).norm() < 0.02 * linear(states).norm()


@needs_int8
@settings(max_examples=40, deadline=None)
@given(
    others=st.integers(0, 40),
    inputs=st.integers(2, 300),
    outputs=st.integers(1, 70),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=st.integers(0, 1000),
)
def test_a_row_does_not_depend_on_the_others(others, inputs, outputs, dtype, seed):
    quantised = Int8Linear(random_linear(inputs, outputs, seed=seed))
    states = (torch.randn(others + 1, inputs) * torch.logspace(-3, 3, others + 1)[:, None]).to(
        dtype
    )
    row = seed % (others + 1)

    assert torch.equal(quantised(states)[row], quantised(states[row : row + 1])[0])


@needs_int8
def test_the_largest_numbers_are_multiplied_exactly_and_zeros_stay_zeros():
    weight = torch.full((3, 512), 127, dtype=torch.int8)
    states = torch.stack((torch.full((512,), -127.0), torch.zeros(512)))
    result = int8_linear(states, weight, torch.ones(3), None)

    assert result.tolist() == [[-(127.0**2) * 512] * 3, [0.0] * 3]


@needs_int8
@pytest.mark.parametrize("family", FAMILIES)
def test_a_quantised_model_says_nearly_the_same(family):
    model, exact = tiny_model(family, VOCABULARY), tiny_model(family, VOCABULARY)
    quantise(model, "int8")
    ids = torch.randint(VOCABULARY, (1, 30))
    with torch.inference_mode():
        logits, expected = model(ids).logits[0], exact(ids).logits[0]

    assert quantised_dtype(model)
    assert not quantised_dtype(exact)
    assert type(model.get_output_embeddings()) is nn.Linear
    assert 0 < (logits - expected).norm() < 0.05 * expected.norm()


@needs_int8
def test_a_layer_with_one_input_stays_as_it_is():
    model = tiny_model("llama", VOCABULARY)
    model.single = nn.Linear(1, 8)
    quantise(model, "int8")

    assert type(model.single) is nn.Linear


def test_no_float_weight_of_a_quantised_layer_is_kept():
    model = tiny_model("llama", VOCABULARY)
    linears = [each for each in model.modules() if isinstance(each, nn.Linear)]
    weights = [weakref.ref(each.weight) for each in linears if each is not model.lm_head]
    del linears
    quantise(model, "int8")

    assert weights
    assert not any(weight() is not None for weight in weights)


def test_what_has_its_weights_elsewhere_is_refused_and_stays_as_it_is():
    config = GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=1, n_head=2)
    model = AutoModelForCausalLM.from_config(config)

    with pytest.raises(ModelError, match="gpt2"):
        quantise(model, "int8")
    assert not quantised_dtype(model)


def test_other_devices_are_refused():
    with pytest.raises(ModelError, match="not on cuda:1") as refusal:
        check_device(torch.device("cuda:1"))
    assert "model.dtype" in refusal.value.hint


def test_a_processor_that_saturates_is_refused(monkeypatch):
    """As those without VNNI do: they add two products in 16 bits."""

    def saturating(left, right):
        return (left.int() @ right.int()).clamp_max(1 << 15)

    monkeypatch.setattr(int8.torch, "_int_mm", saturating)
    with pytest.raises(ModelError, match="not exact"):
        check_device(torch.device("cpu"))
