"""Answers judged by mypy."""

import json

import pytest

from benchmarks import names

CODE = "import os\n\nx = os.path\n"


@pytest.mark.slow
def test_errors_count_that_the_truth_does_not_make(tmp_path):
    repo = tmp_path / "pack"
    repo.mkdir()
    (repo / "f.py").write_text(CODE)
    start = CODE.index("os.path")
    place = {"path": str(repo / "f.py"), "start": start, "end": start + len("os.path")}
    texts = ("os.sep", "os.pathless", "osx.path", "os.(")
    answers = tmp_path / "answers.jsonl"
    answers.write_text("\n".join(json.dumps({**place, "text": text}) for text in texts))

    found = names.run(answers=answers, repo=repo)

    assert found["n"] == 4
    assert [found[code]["share"] for code in names._CODES] == [0.25, 0.25, 0.25, 0.75]
    assert names.table(found).row_count == 4
