"""Where the user's own settings file is."""

import os
from pathlib import Path

from platformdirs import user_config_path

APP = "completer"
CONFIG_VARIABLE = "COMPLETER_CONFIG"


def config_file() -> Path:
    """The user's settings file, which need not exist."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else user_config_path(APP) / "config.toml"
