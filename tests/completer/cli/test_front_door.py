"""What front doors are handed before a model is there."""

import pytest

from completer.cli.front_door import build_recorder
from completer.errors import SettingsError
from completer.settings import Settings, TelemetrySettings


def test_a_teams_key_that_is_missing_is_an_error_that_says_what_to_do(tmp_path):
    telemetry = TelemetrySettings(folder=tmp_path, identity_file=tmp_path / "people.key")
    with pytest.raises(SettingsError, match=r"people\.key is missing") as caught:
        build_recorder(Settings(telemetry=telemetry))
    assert "completer telemetry identity FILE" in caught.value.hint
