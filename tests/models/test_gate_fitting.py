"""Gates learn from the state who may exit and who should stop, as precisely as is wanted."""

import pytest
import torch

from models.errors import ModelError
from models.exit_gates import LEAVE, STOP, ExitGate, load_exit_gates, save_exit_gates
from models.gate_fitting import EXIT_PRECISION, NEVER, fit_exit_gates
from models.layers import DecoderLayers
from tests.tiny import tiny_model

VOCABULARY, LENGTH = 64, 24


def windows(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(VOCABULARY, (count, LENGTH), generator=generator).tolist()


def layers_whose_second(counts):
    model = tiny_model("llama", VOCABULARY)
    second = model.model.layers[1]
    second.self_attn.o_proj.weight.data *= counts
    second.mlp.down_proj.weight.data *= counts
    return DecoderLayers(model, LENGTH)


def test_an_exit_that_is_always_right_is_always_taken():
    fitted = fit_exit_gates(
        layers_whose_second(0.0), [1], windows(60, 0), windows(10, 1), token_budget=10**6
    )
    (figures,) = fitted.figures

    assert figures.exit_share == 1.0
    assert figures.exit_precision == 1.0
    assert fitted.gates[1].exit_at < 1.0


def test_others_are_taken_where_they_are_precise_enough_or_never():
    fitted = fit_exit_gates(
        layers_whose_second(1.0), [1], windows(80, 0), windows(20, 1), token_budget=10**6
    )
    (figures,) = fitted.figures

    assert figures.exit_share < 1.0
    assert figures.exit_precision >= EXIT_PRECISION or fitted.gates[1].exit_at == NEVER


def test_text_that_the_model_never_gets_right_is_to_be_stopped():
    layers = layers_whose_second(1.0)
    fitted = fit_exit_gates(layers, [1], windows(60, 0), windows(10, 1), token_budget=10**6)
    (figures,) = fitted.figures

    assert figures.stop_share > 0.9  # random text
    assert figures.stop_precision >= 0.9


def test_a_gate_says_two_probabilities():
    weight = torch.zeros(2, 3)
    weight[LEAVE, 0], weight[STOP, 1] = 100.0, 100.0
    said = ExitGate(weight, torch.zeros(2), 0.5, 0.5).probabilities(torch.eye(3)[:2])

    assert said.round(decimals=3).tolist() == [[1.0, 0.5], [0.5, 1.0]]


def test_gates_are_saved_and_read_again(tmp_path):
    gate = ExitGate(torch.randn(2, 8), torch.randn(2), 0.7, NEVER)
    save_exit_gates(tmp_path / "gates.safetensors", {4: gate}, {"windows": 3})
    (read,) = load_exit_gates(tmp_path / "gates.safetensors", 8).items()

    assert read[0] == 4
    assert (read[1].exit_at, read[1].stop_at) == (0.7, NEVER)
    torch.testing.assert_close(read[1].weight, gate.weight)


def test_a_file_of_another_model_or_none_is_refused(tmp_path):
    file = tmp_path / "gates.safetensors"
    save_exit_gates(file, {1: ExitGate(torch.ones(2, 8), torch.ones(2), 0.5, 0.5)}, {})
    with pytest.raises(ModelError, match="another model"):
        load_exit_gates(file, 32)
    file.write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="no exit gates"):
        load_exit_gates(file, 32)
