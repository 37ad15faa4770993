"""Train the model that ships in the package: from source code to a Hugging Face folder."""

from models.training.config import Progress, TrainConfig
from models.training.pipeline import cool_down, run

__all__ = ["Progress", "TrainConfig", "cool_down", "run"]
