"""`completer train` from the command line: what reaches the run, what a person is told."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from completer.cli.commands import app
from completer.errors import BadRequestError
from models.training.shards import Shard

TINY = {
    "--vocabulary": 400, "--width": 32, "--layers": 2, "--heads": 2, "--feed-forward": 64,
    "--steps": 2, "--tokens-per-step": 256, "--threads": 1, "--seed": 3,
}  # fmt: skip


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """Two packages of code, `first` and `second`."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for number, folder in enumerate(folders):
        folder.mkdir()
        lines = [f"def {folder.name}_{i}(value):\n    return value + {number}\n" for i in range(60)]
        (folder / "code.py").write_text("\n".join(lines), encoding="utf-8")
    return folders


def train(run: Path, *arguments: object, **changes: object) -> Result:
    options = [str(part) for pair in (TINY | changes).items() for part in pair]
    return CliRunner().invoke(app, ["train", str(run), *options, *map(str, arguments)])


def test_what_is_chosen_reaches_the_run(tmp_path: Path, sources: list[Path]):
    flags = [flag for source in sources for flag in ("--source", source)]
    done = train(tmp_path / "run", *flags, "--held-out", "second", "--json")
    assert done.exit_code == 0, done.output
    exported = Path(json.loads(done.stdout)["exported"])
    assert json.loads((exported / "config.json").read_text())["hidden_size"] == 32
    corpus = tmp_path / "run" / "corpus"
    assert [group.name for group in Shard(corpus, "train").groups] == ["first"]
    assert [group.name for group in Shard(corpus, "held_out").groups] == ["second"]
    stages = [json.loads(line)["stage"] for line in done.stderr.splitlines()]
    assert stages == ["corpus", "train", "export"]


def test_another_runs_corpus_is_used_as_it_is(tmp_path: Path, sources: list[Path]):
    first = train(tmp_path / "run", "--source", sources[0])
    assert re.search(r"step 2/2 · loss \d\.\d{3} · [\d,]+ tokens/s · 0:00:00 left", first.stderr)
    second = train(tmp_path / "other", "--corpus", tmp_path / "run" / "corpus")
    assert first.exit_code == second.exit_code == 0, second.output
    assert not (tmp_path / "other" / "corpus").exists()


@pytest.mark.slow
def test_a_preset_trains_by_the_clock(tmp_path: Path, sources: list[Path]):
    (tmp_path / "first" / "more.js").write_text(
        "\n".join(f"function f{i}(a) {{\n  return a + {i};\n}}" for i in range(60))
    )
    words = ["train", str(tmp_path / "run"), "--preset", "tiny", "--minutes", "0.03"]
    for flags in (
        ("--source", sources[0], "--source", sources[1], "--held-out", "second"),
        ("--language", "python", "--language", "javascript", "--threads", 1, "--vocabulary", 400),
    ):
        words += map(str, flags)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert re.search(r"step \d+ · loss \d\.\d{3} · held-out loss .*, of middles .*", done.stderr)
    exported = Path(done.stdout.strip())
    assert json.loads((exported / "config.json").read_text())["num_key_value_heads"] == 2
    groups = Shard(tmp_path / "run" / "corpus", "train").groups
    assert {group.language for group in groups} == {"python", "javascript"}
    card = (exported / "MODEL_CARD.md").read_text()
    assert "completer train RUN --preset tiny --source SOURCES --source SOURCES" in card
    assert "--language javascript" in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [("--preset", "huge", "bundled, tiny"), ("--language", "cobol", "python, javascript")],
)
def test_what_is_not_known_is_answered_with_what_is(
    tmp_path: Path, sources: list[Path], flag: str, value: str, said: str
):
    refused = train(tmp_path / "run", "--source", sources[0], **{flag: value})
    assert isinstance(refused.exception, BadRequestError)
    assert said in str(refused.exception)


def test_what_cannot_be_is_one_sentence(tmp_path: Path, sources: list[Path]):
    refused = train(tmp_path / "run", "--source", sources[0], **{"--heads": 3})
    assert isinstance(refused.exception, BadRequestError)
    assert "3 heads" in str(refused.exception)


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path):
    for flag in ("--source", "--package-path"):
        refused = train(tmp_path / "run", flag, tmp_path / "nowhere")
        assert isinstance(refused.exception, BadRequestError)
        assert "is not a folder" in str(refused.exception)
