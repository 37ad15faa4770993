"""Tables for other programs, without what could identify a text."""

import csv
import importlib.util

import pytest

from telemetry.export import MissingLibraryError, export
from telemetry.privacy import KEY_FILE


@pytest.fixture
def recorded(editor):
    editor.offer("return x")
    editor.write("return x")
    editor.settle()
    return editor


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_table_is_written_with_its_words_spelled_out(recorded, tmp_path):
    written = export(recorded.folder, tmp_path / "out")
    assert {path.stem for path in written} >= {"opportunity", "suggestion", "accept", "survival"}
    (accept,) = read(tmp_path / "out" / "accept.csv")
    assert (accept["kind"], accept["delta_len"], accept["ev_src"]) == ("full", "8", "inferred")
    assert accept["file"] == recorded.recorder.path.stem


def test_neither_key_nor_text_hashes_are_written(recorded, tmp_path):
    export(recorded.folder, tmp_path / "out")
    key = (recorded.folder / KEY_FILE).read_bytes()
    (hashes,) = recorded.all("SELECT text_hmac, dedupe_hmac FROM suggestion")
    for path in (tmp_path / "out").iterdir():
        content = path.read_bytes()
        assert key not in content
        assert all(str(value).encode() not in content for value in hashes)


def test_several_databases_become_one_table(recorded, tmp_path):
    from tests.telemetry.conftest import Editor

    other = Editor(recorded.folder)
    other.offer("return y")
    other.settle()
    export(recorded.folder, tmp_path / "out")
    assert len({row["file"] for row in read(tmp_path / "out" / "opportunity.csv")}) == 2
    other.recorder.close()


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is not None, reason="pyarrow is installed")
def test_parquet_without_pyarrow_says_what_to_install(recorded, tmp_path):
    with pytest.raises(MissingLibraryError, match="pip install pyarrow"):
        export(recorded.folder, tmp_path / "out", file_format="parquet")


def test_parquet_has_the_same_rows(recorded, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    export(recorded.folder, tmp_path / "out", file_format="parquet")
    table = parquet.read_table(tmp_path / "out" / "accept.parquet")
    assert table["kind"].to_pylist() == ["full"]
