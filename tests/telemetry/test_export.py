"""Tables for other programs, without what could identify a text."""

import csv
import importlib.util
import sqlite3
from contextlib import closing

import pytest

from telemetry.events import Opportunity
from telemetry.export import MissingLibraryError, NotExportedError, export
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


def test_a_file_from_before_a_table_was_there_adds_no_rows_to_it(recorded, tmp_path):
    path = recorded.recorder.path
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP VIEW commit_attr_named")
    export(recorded.folder, tmp_path / "out")
    assert read(tmp_path / "out" / "commit_attr.csv") == []


def test_what_a_file_is_too_old_to_have_is_empty(recorded, tmp_path):
    with closing(sqlite3.connect(recorded.recorder.path)) as connection:
        connection.execute("DROP VIEW accept_named")
        connection.execute("CREATE VIEW accept_named AS SELECT id, delta_len, ts_ms FROM accept")
    export(recorded.folder, tmp_path / "out")
    (accept,) = read(tmp_path / "out" / "accept.csv")
    assert (accept["delta_len"], accept["kind"]) == ("8", "")


def test_a_stop_decision_is_exported_whole(editor, tmp_path):
    editor.recorder.record(
        Opportunity(
            session=editor.session,
            uri=editor.uri,
            outcome="filtered",
            finish_reason="low_confidence",
            exit_mode="early",
            distribution="early-exit",
            p_accept=0.25,
            propensity=0.5,
            features={"margin": 1.5},
        )
    )
    editor.settle()
    export(editor.folder, tmp_path / "out")
    (row,) = read(tmp_path / "out" / "opportunity.csv")
    stored = ("finish_reason", "exit_mode", "distribution", "p_accept", "propensity", "features")
    assert [row[name] for name in stored] == [
        *("low_confidence", "early", "early-exit", "0.25", "0.5"),
        '{"margin": 1.5}',
    ]


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


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_an_earlier_export_is_written_over(recorded, tmp_path, file_format):
    if file_format == "parquet":
        pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    first = export(recorded.folder, tmp_path / "out", file_format=file_format)
    recorded.offer("return y")
    recorded.settle()
    assert export(recorded.folder, tmp_path / "out", file_format=file_format) == first
    if file_format == "csv":
        assert len(read(tmp_path / "out" / "opportunity.csv")) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("session.csv", b"customer,price\n1,2\n"),
        ("session.csv", b"file,customer\n1,2\n"),
        ("session.csv", b"\xff\xfe\x00"),
        ("session.csv", b""),
        ("accept.parquet", b"PAR1 not really"),
    ],
)
def test_another_programs_file_is_not_written_over(recorded, tmp_path, name, content):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    file_format = name.partition(".")[2]
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(content)
    with pytest.raises(NotExportedError, match="is not an earlier export"):
        export(recorded.folder, out, file_format=file_format)
    assert [(path.name, path.read_bytes()) for path in out.iterdir()] == [(name, content)]

    export(recorded.folder, out, file_format=file_format, force=True)
    assert (out / name).read_bytes() != content


def test_a_link_is_not_written_through(recorded, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "session.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(NotExportedError):
        export(recorded.folder, out)
    assert not (tmp_path / "elsewhere.csv").exists()
