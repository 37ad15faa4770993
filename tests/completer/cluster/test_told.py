"""What the processes of a cluster are told of the settings."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from completer.cluster.told import for_any_machine, for_replicas
from completer.errors import SettingsError
from completer.settings import Settings


def test_folders_are_the_same_wherever_a_process_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    settings = for_any_machine(Settings.model_validate({"model": {"source": "model"}}))
    given = for_any_machine(Settings(workspaces=(Path("code"),)))
    assert settings.model.source == str(tmp_path / "model")
    assert given.workspaces == (tmp_path.resolve() / "code",)
    assert pickle.loads(pickle.dumps(given)) == given


def test_replicas_get_no_token_and_keep_their_model():
    settings = Settings.model_validate({"server": {"token": "s3cret"}})
    own = for_replicas(settings)
    assert own.server.token is None
    assert b"s3cret" not in pickle.dumps(own)
    assert own.engine.idle_unload_minutes == 0
    assert settings.server.token is not None


def test_arms_with_models_of_their_own_are_refused():
    days = {"start": "2026-01-01", "end": "2026-01-31"}
    arms = [{"name": "control"}, {"name": "other", "model": "elsewhere"}]
    settings = Settings.model_validate({"experiment": {"name": "e", "arms": arms, **days}})
    with pytest.raises(SettingsError, match="arm"):
        for_any_machine(settings)
