"""A model on which drafts by early layers must pay."""

from pathlib import Path

import pytest
import torch

from benchmarks.exits import SYNTHETIC_LAYERS, nearly_identity
from models.errors import ModelError
from models.loading import LoadedModel, load_model
from models.quantising import quantise
from tests.models.quantised_cpu import needs_int8
from tests.tiny import save_tiny


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    return load_model(str(save_tiny("llama", tmp_path)), device="cpu")


def test_the_layers_on_top_change_next_to_nothing(model):
    deep = nearly_identity(model)
    ids = torch.arange(60, 90)[None]
    with torch.inference_mode():
        states = deep.model(ids, output_hidden_states=True).hidden_states
    early, late = states[6], states[SYNTHETIC_LAYERS - 1]

    assert len(states) == SYNTHETIC_LAYERS + 1
    assert (late - early).norm() < 0.3 * early.norm()
    assert model.model.config.num_hidden_layers == 2


@needs_int8
def test_int8_weights_are_not_copied(model):
    quantise(model.model, "int8")

    with pytest.raises(ModelError, match="int8"):
        nearly_identity(model)
