"""A forward pass without detours for models of the Llama family.

On small models and short passes, most of the time of transformers' own forward pass is spent around
the arithmetic: a module call for every projection, tables that are computed anew, norms in seven
steps. `models/layers.py` does the same arithmetic on the same weights. `tuning.py` uses it only
where its results agree with the model's own code.
"""

from typing import TYPE_CHECKING

from torch import Tensor

from completer.engine.attention import AttentionStep
from models.layers import DecoderLayers, why_not

if TYPE_CHECKING:
    from models.decoder import Model


def supports(model: "Model") -> bool:
    """Whether the model's architecture is one whose layers can be run one by one."""
    return not why_not(model)


class LeanForward:
    """Runs the packed row through the `layers` of a model that `supports` says yes to."""

    def __init__(self, model: "Model", positions: int) -> None:
        self.layers = DecoderLayers(model, positions)
        self.device = model.device
        self.dtype = model.dtype

    def __call__(self, ids: Tensor, positions: Tensor, rows: Tensor, step: AttentionStep) -> Tensor:
        """Return the logits [R, V] of `rows` [R] of the packed tokens `ids` [T]."""
        layers = self.layers
        hidden = layers.embed(ids)
        hidden = layers.run_layers(hidden, positions, 0, layers.depth, step.attend)
        return layers.predict(hidden[rows])
