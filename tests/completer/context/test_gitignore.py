import pytest

from completer.context.gitignore import IgnoreFile, IgnoreRules, rules_in


@pytest.mark.parametrize(
    ("lines", "path", "ignored"),
    [
        (["*.py"], "a/b.py", True),
        (["/a.py"], "b/a.py", None),
        (["*.py", "!keep.py"], "keep.py", False),
        (["build/"], "build", None),
        (["build/"], "build/", True),
        (["build/"], "build/x.py", None),  # nobody asks: the folder is not entered
        (["a/**"], "a/", None),
        (["a/**"], "a/b/", True),
        (["# note", "", "/", "!"], "a", None),
        ([r"\!odd.py"], "!odd.py", True),
    ],
)
def test_patterns(lines, path, ignored):
    assert IgnoreFile(lines).decides(path) is ignored


def test_the_inner_file_has_the_last_word(tmp_path):
    (tmp_path / ".gitignore").write_text("*.log\n*.tmp\n")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / ".gitignore").write_text("!kept.log\n/only.py\n")
    outer = IgnoreRules().with_file(tmp_path, ".gitignore")
    rules = outer.inside("in").with_file(tmp_path, "in/.gitignore")
    paths = ("kept.log", "a.log", "only.py", "x/only.py")
    assert {path for path in paths if rules.ignores(path)} == {"a.log", "only.py"}


def test_a_file_that_cannot_be_read_adds_nothing(tmp_path):
    (tmp_path / ".gitignore").mkdir()
    assert IgnoreRules().with_file(tmp_path, ".gitignore") == IgnoreRules()


def test_the_repository_around_a_folder(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.log\n/out/\n")
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    rules = rules_in(tmp_path / "in")
    assert rules.ignores("a.log")
    assert not rules.ignores("a.py")
    assert rules_in(tmp_path / "out") == IgnoreRules()


def test_a_file_too_large_to_be_read_ignores_everything(tmp_path, caplog):
    (tmp_path / ".gitignore").write_text("*.log\n" * 100_000)
    rules = IgnoreRules().with_file(tmp_path, ".gitignore")
    assert rules.ignores("a.py")
    assert rules.ignores("folder/")
    assert "too large" in caplog.text
