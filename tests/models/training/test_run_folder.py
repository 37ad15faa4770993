"""Whose a folder is that a run would write into."""

import pytest

from models.training.run_folder import claim


def test_a_run_makes_its_folder_and_goes_on_in_it(tmp_path):
    claim(tmp_path / "deep" / "run")
    (tmp_path / "deep" / "run" / "corpus").mkdir()  # killed while it was prepared
    claim(tmp_path / "deep" / "run")


def test_a_folder_with_other_files_may_take_a_run(tmp_path):
    (tmp_path / "notes.txt").write_text("notes")
    claim(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "notes"


@pytest.mark.parametrize("name", ["export/config.json", "figures.json", "log.jsonl"])
def test_what_a_run_would_write_over_is_not_taken_for_its_own(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}")
    with pytest.raises(FileExistsError, match="is not a run"):
        claim(tmp_path)


@pytest.mark.parametrize(
    "names", [("corpus/manifest.json", "corpus/tokenizer.json"), ("checkpoint.pt", "log.jsonl")]
)
def test_a_run_from_before_runs_were_marked_goes_on(tmp_path, names):
    (tmp_path / "corpus").mkdir()
    for name in names:
        (tmp_path / name).write_text("{}")
    claim(tmp_path)
