"""Folders that somebody made to hurt whoever reads them; each also holds a file worth reading."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

GOOD_NAME = "honest.py"
GOOD_TEXT = "def zebra_quotient(level, factor):\n    return frobnicate(level, factor)\n"

Tree = Callable[[Path], None]


def ignore_patterns(root: Path) -> None:
    (root / ".gitignore").write_text("*a*a*a*a*a*a*a*a*b\n" + "**/" * 5_000 + "x\n")
    (root / ("a" * 60 + ".py")).write_text("x = 1\n")


def ignore_files_of_every_kind(root: Path) -> None:
    os.mkfifo(root / ".gitignore")
    for name, make in (
        ("link", lambda path: path.symlink_to("/dev/zero")),
        ("folder", lambda path: path.mkdir()),
        ("large", lambda path: path.write_bytes(b"*a*b\n" * 50_000)),
        ("huge", lambda path: path.write_bytes(b"*a*b\n" * 1_000_000)),
        ("bytes", lambda path: path.write_bytes(bytes(range(256)) * 50)),
    ):
        (root / name).mkdir()
        make(root / name / ".gitignore")
        (root / name / "inner.py").write_text("x = 1\n")


def syntax(root: Path) -> None:
    for name, text in (
        ("brackets.py", "(\n" * 100_000),
        ("lines.py", "\\\n" * 100_000),
        ("types.java", "a<" * 100_000),
        ("quotes.rs", '"\n' * 100_000),
    ):
        (root / name).write_text(text)


def deep_syntax(root: Path) -> None:
    for name, unit in (("a.py", "[" * 5_000), ("b.js", "{" * 5_000), ("c.c", "f(" * 5_000)):
        closing = {"[": "]", "{": "}", "(": ")"}[unit[-1]] * 5_000
        (root / name).write_text(f"x = {unit}{closing}\n")


def repetition(root: Path) -> None:
    for number in range(4):
        (root / f"same{number}.py").write_text("import os\n" * 500 + "a" * 100_000 + "\n" * number)


def comments(root: Path) -> None:
    (root / "a.c").write_text("/*" + " " * 200_000 + "*/\nint f(void);\n")
    (root / "b.py").write_text("import" + " " * 16_000 + "x\n" + "\n" * 200_000)
    (root / "c.js").write_text("import" + "\r" * 16_000)
    (root / "d").write_text("#!" + " /env" * 4_000)


def git_configuration(root: Path) -> None:
    (root / ".git").mkdir()
    text = "[include]\n\tpath = /dev/zero\n[core]\n\texcludesFile = /dev/zero\n"
    (root / ".git" / "config").write_text(text + '[includeIf "gitdir:**"]\n\tpath = /dev/zero\n')


def git_files(root: Path) -> None:
    git = root / ".git"
    for folder in ("logs", "objects/info", "objects/pack", "info"):
        (git / folder).mkdir(parents=True)
    for name in ("HEAD", "config", "logs/HEAD", "info/exclude", "index", "commondir"):
        os.mkfifo(git / name)
    (git / "packed-refs").write_bytes(b"0" * 40 + b" refs/heads/x\n" * 1_000_000)
    (git / "objects" / "info" / "alternates").write_text("/dev\n/\n")
    (git / "objects" / "pack" / "pack-1.idx").symlink_to("/dev/zero")


def git_pointer(root: Path) -> None:
    (root / ".git").write_text("gitdir: /dev/zero\n")
    for name, text in (("long", "gitdir: " + "a/" * 50_000), ("nul", "gitdir: \0\n")):
        (root / name).mkdir()
        (root / name / ".git").write_text(text)
    (root / "device").mkdir()
    (root / "device" / ".git").symlink_to("/dev/zero")


def nested_settings(root: Path) -> None:
    (root / ".completer.toml").write_text("a = " + "[" * 10_000)


def long_settings(root: Path) -> None:
    (root / ".completer.toml").write_text("completion." + ".".join("a" * 7_000) + " = 1\n")


def digits_in_settings(root: Path) -> None:
    (root / ".completer.toml").write_text("[completion]\nmax_lines = " + "9" * 10_000 + "\n")


def special_settings(root: Path) -> None:
    os.mkfifo(root / ".completer.toml")


def names(root: Path) -> None:
    for name in (b"\xff.py", b"\xed\xa0\x80.py", b"new\nline.py", b"-rf.py", b"\x1b[31m.py"):
        (root / os.fsdecode(name)).write_text("def oddly_named():\n    return 1\n")
    (root / os.fsdecode(b"folder\xff")).mkdir()
    (root / os.fsdecode(b"folder\xff") / ".gitignore").write_bytes(b"\xfe*\n")


def links(root: Path) -> None:
    (root / "root").symlink_to("/")
    (root / "loop").symlink_to(".")
    (root / "self").symlink_to("self")
    (root / "device.py").symlink_to("/dev/zero")


def special_files(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    with socket.socket(socket.AF_UNIX) as listener, suppress(OSError):
        listener.bind(str(root / "socket.py"))


def deep(root: Path) -> None:
    """1,500 folders in one another: deeper than a path can name."""
    here = os.open(root, os.O_RDONLY)
    for _ in range(1_500):
        os.mkdir("folder", dir_fd=here)
        inner = os.open("folder", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def many_ignore_files(root: Path) -> None:
    for number in range(300):
        folder = root.joinpath(*["f"] * (number % 30), f"g{number}")
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*a*b*c*\n" * 500)
        (folder / "m.py").write_text("x = 1\n")


def many_files(root: Path, count: int = 5_000) -> None:
    for number in range(count):
        folder = root / f"f{number // 1000}"
        folder.mkdir(exist_ok=True)
        (folder / f"m{number}.py").write_text("def main():\n    return 1\n")


TREES: dict[str, Tree] = {
    tree.__name__: tree
    for tree in (
        *(ignore_patterns, ignore_files_of_every_kind, syntax, deep_syntax, repetition, comments),
        *(git_configuration, git_files, git_pointer, nested_settings, long_settings),
        *(digits_in_settings, special_settings, names, links, special_files, deep),
        *(many_ignore_files, many_files),
    )
}
SLOW = frozenset(
    {"ignore_files_of_every_kind", "syntax", "many_files", "repetition", "many_ignore_files"}
)


def make(tree: Tree, root: Path) -> Path:
    """Make such a folder, with the file worth reading in it."""
    root.mkdir(parents=True)
    (root / GOOD_NAME).write_text(GOOD_TEXT)
    tree(root)
    return root


def remove(root: Path) -> None:
    """Remove what `shutil.rmtree` would fail at."""
    if shutil.which("rm"):
        subprocess.run(["rm", "-rf", "--", str(root)], check=False)
