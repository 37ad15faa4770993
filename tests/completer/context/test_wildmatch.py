"""Patterns as git matches them, and the work that hostile ones cost."""

import itertools
import os
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from completer.context.gitignore import IgnoreFile, IgnoreRules
from completer.context.wildmatch import Automaton, Pattern, matches, parse
from tests.completer.context.repositories import GitRepository, needs_git

SPECIAL = r"""
    * ** *** ? /**/ **/ \a \* \/ \ [ab] [!a] [^b] [a-b] []a] []-a] [a-] [ ] [a [!] [\]]
    [[:alpha:]] [[:digit:]a] [[:nope:]] [[:] [[::]] [[:alpha: [a-[:alpha:]] [b-a]
    [\a-b] [a-\b] [--b] [/] [!/] [é] [[:space:][:punct:]]
"""
ATOMS = st.sampled_from([*"aaab/.- é\xa0", *SPECIAL.split()])
GLOBS = st.lists(ATOMS, min_size=1, max_size=5).map("".join)
LINES = st.builds(
    "{}{}{}".format, st.sampled_from(["", "", "!", "/"]), GLOBS, st.sampled_from(["", "", "/"])
)
NAMES = st.text("aab.-é[]* !\\", min_size=1, max_size=4).filter(
    lambda name: name not in (".", "..")
)
SMALL = [
    path
    for length in range(1, 6)
    for path in map("".join, itertools.product("ab/", repeat=length))
    if all(path.split("/"))
]
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=4).map("/".join), max_size=12)


@pytest.fixture(scope="module")
def git(tmp_path_factory):
    return GitRepository(tmp_path_factory.mktemp("patterns"))


@needs_git
@settings(max_examples=100, deadline=None)
@given(lines=st.lists(LINES, min_size=1, max_size=4), paths=PATHS)
@example(lines=["a**/b"], paths=[])
@example(lines=["/a/**/b", "!/a/**"], paths=[])
@example(lines=["/**//", "**/b"], paths=[])
@example(lines=["a**", "!a"], paths=[])
@example(lines=["?"], paths=["a", "é"])
def test_git_says_the_same(git, lines, paths):
    (git.folder / ".git" / "info" / "exclude").write_text("\n".join(lines), encoding="utf-8")
    paths = list(dict.fromkeys([*SMALL, *paths]))
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin", "-z"],
        cwd=git.folder,
        input="".join(f"{path}\0" for path in paths).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    file = IgnoreFile(lines)
    rules = IgnoreRules(((file, file.start),))
    ignored = [path for path in paths if _is_ignored(rules, path)]
    assert ignored == [os.fsdecode(path) for path in done.stdout.split(b"\0")[:-1]]


def _is_ignored(rules, path):
    *folders, name = path.split("/")
    for folder in folders:
        if rules.ignores(f"{folder}/"):
            return True
        rules = rules.inside(folder)
    return rules.ignores(name)


HOSTILE = [
    (b"*a*a*a*a*a*a*a*a*b", b"a" * 60),
    (b"*a" * 400 + b"*b", b"a" * 4000),
    (b"**/a/" * 200 + b"b", b"a/" * 2000 + b"c"),
    (b"**/*a*/" * 50 + b"b", b"aaaa/" * 800 + b"c"),
    (b"?*" * 300 + b"b", b"a" * 1000),
    (b"[a-z]*" * 300 + b"[[:digit:]]", b"a" * 1000),
]


@pytest.mark.parametrize(("glob", "path"), HOSTILE, ids=range(len(HOSTILE)))
def test_the_work_is_a_step_for_each_byte(glob, path, monkeypatch):
    steps = []
    move = Automaton._move
    monkeypatch.setattr(Automaton, "_move", lambda *args: steps.append(args) or move(*args))
    assert not matches(glob, path)
    assert len(steps) <= len(path)


def test_what_is_remembered_is_bounded():
    automaton = Automaton([Pattern(parse(b"*a*b" * 10_000))])
    state = automaton.start
    for byte in range(1, 128):
        state = automaton.after(bytes([byte, *b"ab"]) * 40, state)
    size = sum(key[0].bit_length() + value.bit_length() for key, value in automaton._moves.items())
    assert size // 8 <= 4 << 20


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("a/**/b", "a/b", True),
        ("**/b", "x/y/b", True),
        ("**/b", "ab", False),
        ("a*b", "a/b", False),
        ("a/**", "a", False),
        ("[[:upper:]]*", "Makefile", True),
        ("[", "[", False),
        ("\\", "\\", False),
        ("?", "é", False),  # git counts bytes
        ("??", "é", True),
    ],
)
def test_single_patterns(glob, path, expected):
    assert matches(glob.encode(), path.encode()) is expected
