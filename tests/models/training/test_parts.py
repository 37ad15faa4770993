from pathlib import Path

import pytest

from models.training.parts import join, split


def test_parts_are_small_and_make_the_file_again(tmp_path: Path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(bytes(range(256)) * 10)
    parts = split(file, tmp_path / "parts", size=1000)
    assert [part.stat().st_size for part in parts] == [1000, 1000, 560]
    content = file.read_bytes()
    file.unlink()
    join(file, tmp_path / "parts")
    assert file.read_bytes() == content


def test_a_missing_part_is_noticed(tmp_path: Path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"12345")
    split(file, tmp_path, size=2)[1].unlink()
    with pytest.raises(ValueError, match="bring them again"):
        join(file, tmp_path)
