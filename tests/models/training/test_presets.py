import json
from pathlib import Path

import pytest

from models.training import presets
from models.training.config import TrainConfig
from models.training.presets import PRESETS, preset_choices
from models.training.sources import read_names
from models.training.warm_start import read_shape

TRAINING = Path(presets.__file__).parent
BUNDLED = Path(__file__).parents[3] / "models" / "bundled"


def test_the_bundled_preset_has_the_shape_of_the_embedded_model():
    config = TrainConfig(folder=Path("run"), **preset_choices("bundled"))
    shape = read_shape(BUNDLED)
    for name in ("width", "layers", "heads", "key_value_heads", "feed_forward", "context"):
        assert getattr(config, name) == getattr(shape, name), name


def test_the_bundled_preset_trains_on_what_the_card_names():
    card = (BUNDLED / "MODEL_CARD.md").read_text(encoding="utf-8")
    rows = card.partition("## Data")[2].splitlines()
    named = {line.split(" | ")[0].removeprefix("| ") for line in rows if line.startswith("| ")}
    sources = (TRAINING / "sources.txt").read_text(encoding="utf-8").splitlines()
    repositories = {line.split()[1] for line in sources if line and not line.startswith("#")}
    listed = read_names(preset_choices("bundled")["packages"]) | repositories
    assert listed == named - {"package", "---"}


def test_the_layout_of_the_embedded_model_is_the_one_that_is_trained():
    from models.training.layouts import LAYOUT

    assert json.loads((BUNDLED / "config.json").read_text())["fim_layout"] == LAYOUT


@pytest.mark.parametrize("name", PRESETS)
def test_a_step_is_made_of_whole_rows_that_the_model_can_read(name: str):
    config = TrainConfig(folder=Path("run"), **preset_choices(name))
    for window, _ in config.windows:
        assert window <= config.context
        assert config.tokens_per_step % (window * config.rows_at_a_time) == 0


def test_a_preset_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ValueError, match="no preset huge: name one of bundled, tiny"):
        preset_choices("huge")
