"""Adapters are fitted within a budget, measured on other text, and kept only where they help."""

import pytest
import torch

from models.errors import ModelError
from models.exit_adapters import ExitAdapter, load_exit_adapters, save_exit_adapters
from models.exit_fitting import ExitGain, FittedExits, fit_exit_adapters
from models.layers import DecoderLayers
from models.quantising import quantise
from tests.models.quantised_cpu import needs_int8
from tests.tiny import tiny_model

VOCABULARY, LENGTH = 64, 4


def windows(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(VOCABULARY, (count, LENGTH), generator=generator).tolist()


def layers_whose_second(counts, *, int8=False):
    """Two layers; the second one's attention counts `counts` times, its feed-forward not at all.

    In so short windows it attends to hardly more than the token itself: nearly a linear map.
    """
    model = tiny_model("llama", VOCABULARY)
    second = model.model.layers[1]
    second.self_attn.o_proj.weight.data *= counts
    second.mlp.down_proj.weight.data *= 0.0
    if int8:
        quantise(model, "int8")
    return DecoderLayers(model, LENGTH)


@pytest.mark.parametrize("int8", [False, pytest.param(True, marks=needs_int8)])
def test_an_exit_learns_what_the_layers_behind_it_add(int8):
    seen = []
    fitted = fit_exit_adapters(
        layers_whose_second(30.0, int8=int8),
        [1],
        windows(300, 0),
        windows(40, 1),
        token_budget=10**6,
        progress=lambda done, total: seen.append((done, total)),
    )
    (gain,) = fitted.gains

    assert gain.kept
    assert 0.0 < gain.gain_low < gain.gain
    assert gain.gain == pytest.approx(gain.agreement_with - gain.agreement_without)
    assert fitted.adapters.keys() == {1}
    assert fitted.tokens == 340 * LENGTH
    assert seen[-1] == (340, 340)


def test_an_adapter_that_cannot_help_is_not_kept():
    fitted = fit_exit_adapters(
        layers_whose_second(0.0), [1], windows(20, 0), windows(10, 1), token_budget=10**6
    )

    assert fitted.adapters == {}
    assert fitted.gains[0].agreement_without == 1.0


def test_the_budget_counts_what_is_learned_from_and_what_is_held_out():
    budget = 14 * LENGTH
    fitted = fit_exit_adapters(
        layers_whose_second(1.0), [1], windows(20, 0), windows(10, 1), token_budget=budget
    )

    assert fitted.tokens == budget
    with pytest.raises(ValueError, match="budget"):
        fit_exit_adapters(
            layers_whose_second(1.0), [1], windows(2, 0), windows(10, 1), token_budget=10 * LENGTH
        )


def test_a_gain_that_few_windows_show_is_not_believed():
    fitted = fit_exit_adapters(
        layers_whose_second(30.0), [1], windows(60, 0), windows(2, 1), token_budget=10**6
    )

    assert not fitted.gains[0].kept


def test_adapters_are_saved_and_read_again(tmp_path):
    adapter = ExitAdapter(torch.randn(4, 32), torch.randn(32, 4))
    file = tmp_path / "deep" / "exits.safetensors"
    other = ExitAdapter(torch.randn(4, 32), torch.randn(32, 4))
    fitted = FittedExits({3: adapter, 12: other}, (ExitGain(3, 0.1, 0.3, 0.2, 0.1),), 100)
    fitted.save(file)
    read = load_exit_adapters(file, 32)

    assert read.keys() == {3, 12}
    torch.testing.assert_close(read[12].down, other.down)
    hidden = torch.randn(5, 32)
    expected = hidden + hidden @ adapter.down.T @ adapter.up.T
    torch.testing.assert_close(read[3](hidden, hidden), expected)


def test_that_none_helps_can_be_saved_as_well(tmp_path):
    FittedExits({}, (), 100).save(tmp_path / "exits.safetensors")

    assert load_exit_adapters(tmp_path / "exits.safetensors", 32) == {}


def test_a_file_of_another_model_or_none_is_refused(tmp_path):
    file = tmp_path / "exits.safetensors"
    save_exit_adapters(file, {1: ExitAdapter(torch.ones(2, 8), torch.ones(8, 2))}, {})
    with pytest.raises(ModelError, match="another model"):
        load_exit_adapters(file, 32)
    file.write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="no exit adapters"):
        load_exit_adapters(file, 32)
