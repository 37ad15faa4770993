"""What is said of a model when it is loaded."""

import logging

import pytest

from completer.cli import assembly
from completer.settings import Settings
from tests.completer.serving.test_service import NO_TUNING
from tests.tiny import save_tiny


@pytest.mark.parametrize(("name", "said"), [("Qwen2.5-7B", 1), ("Qwen2.5-Coder-7B", 0)])
def test_what_speaks_against_a_layout_is_logged(tmp_path, caplog, monkeypatch, name, said):
    folder = save_tiny("qwen2", tmp_path / name)
    monkeypatch.setattr(assembly, "tuned", lambda model, *_, **__: (model, NO_TUNING))
    settings = Settings(cache_folder=tmp_path / "cache", model={"source": str(folder)})
    with caplog.at_level(logging.WARNING):
        assembly.build_model(settings)

    notes = [each for each in caplog.messages if "without being trained on them" in each]
    assert len(notes) == said
