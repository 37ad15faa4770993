"""Train the model that ships in the package: from source code to a Hugging Face folder."""

from models.training.config import Progress, TrainConfig
from models.training.pipeline import cool_down, run
from models.training.presets import preset_choices

__all__ = ["Progress", "TrainConfig", "cool_down", "preset_choices", "run"]
