from pathlib import Path

import torch

from models.training.checkpoint import load_checkpoint, save_checkpoint


def test_a_state_comes_back(tmp_path: Path):
    save_checkpoint(tmp_path, {"step": 3, "decoder": {"weight": torch.ones(2)}})
    state = load_checkpoint(tmp_path)
    assert state is not None
    assert state["step"] == 3
    assert torch.equal(state["decoder"]["weight"], torch.ones(2))


def test_a_half_written_file_is_not_taken_for_a_checkpoint(tmp_path: Path):
    (tmp_path / "checkpoint.pt.partial").write_bytes(b"half")
    assert load_checkpoint(tmp_path) is None
