"""What the process says of names in small workspaces, and that it runs nothing of them."""

import os
import signal
import sys
import time

import pytest

from completer.names.evidence import NameKind
from completer.names.finder import NameFinder
from completer.names.process import NameProcess
from tests.completer.names.workspace import root

__all__ = ["root"]

pytestmark = pytest.mark.slow

TEXT = """
import os
from .base import Base, Color, Point, Proxy
from missing import Unknown

class Mine(Base):
    def run(self, path, p: Point):
        proxy = Proxy()
        strange = Strange()
        |
        data = f.read()
        return os.path.join(self._storage, proxy.a, strange.b, [q for q in data], p.x)

    async def later(self):
        self.__late = 3

class Strange(Unknown):
    def own(self):
        pass
"""


@pytest.fixture(scope="module")
def process():
    process = NameProcess()
    yield process
    process.close()


def ask(process, root, line="", text=TEXT, wait_s=None):
    before, after = text.replace("|", line + "|").split("|")
    finder = NameFinder(process=process)
    return finder.evidence(before, after, "python", root / "pkg/mine.py", root, wait_s=wait_s)


def test_members_of_names_in_scope(process, root):
    members = ask(process, root).members
    assert members["self"].kind is NameKind.SELF
    assert {"run", "_storage", "size", "later", "__late"} <= members["self"].names
    assert {"x", "y"} <= members["p"].names
    assert members["p"].kind is NameKind.INSTANCE
    assert members["proxy"].kind is members["strange"].kind is NameKind.OPEN
    assert {"join", "exists"} <= members["os.path"].names
    assert "RED" not in members["self"].names
    assert {"items", "get"} <= members["self._storage"].names


@pytest.mark.parametrize(
    ("line", "kind", "name"),
    [
        ("self._sto", NameKind.SELF, "_storage"),
        ("a = self.size.", NameKind.INSTANCE, "x"),
        ("print(Point(1, 2).", NameKind.INSTANCE, "y"),
        ("if Color.", NameKind.CLASS, "RED"),
        ("for a in os.path.", NameKind.MODULE, "join"),
        ("from .base import ", NameKind.IMPORTABLE, "Proxy"),
        ("from pkg.stars import ", NameKind.IMPORTABLE, "Base"),
        ("from .base ", NameKind.IMPORTABLE, "Proxy"),
        ("from .base imp", NameKind.IMPORTABLE, "Proxy"),
        ("''.", NameKind.INSTANCE, "strip"),
    ],
)
def test_at_the_caret(process, root, line, kind, name):
    found = ask(process, root, line).at_caret
    assert name in found.names
    assert found.kind is kind


@pytest.mark.parametrize("line", ["'a.", "# self.", "a = ", "nothing."])
def test_where_nothing_is_known(process, root, line):
    assert ask(process, root, line).at_caret is None


def test_what_an_answer_names(process, root):
    before, after = TEXT.split("|")
    finder = NameFinder(process=process)
    asked = ("os", "self.size", "nothing", "proxy.run"), (".base", ".missing", "pkg.stars")
    found = finder.named(before, after, "python", root / "pkg/mine.py", root, *asked, wait_s=None)

    assert {"path", "sep"} <= found.members["os"].names
    assert "x" in found.members["self.size"].names
    assert "nothing" not in found.members
    assert "Proxy" in found.modules[".base"].names
    assert "Base" in found.modules["pkg.stars"].names
    assert ".missing" not in found.modules


def test_answers_about_other_names_are_other_answers(process, root):
    finder = NameFinder(process=process)

    def members(owner):
        return finder.named(
            "import os\n", "", "python", None, root, (owner,), (), wait_s=20.0
        ).members

    assert set(members("os")) == {"os"}
    assert set(members("os.path")) == {"os.path"}


def test_what_is_bound_and_what_is_not(process, root):
    found = ask(process, root)
    assert {
        "self",
        "path",
        "p",
        "data",
        "proxy",
        "os",
        "Base",
        "Strange",
        "len",
    } <= found.scope.names
    assert "q" not in found.scope.names
    assert found.unbound == ("f",)
    assert ask(process, root, "with open(path) as f:").unbound == ()
    assert ask(process, root, text="from nowhere import *\n|\n").scope is None


def test_parameters_of_the_open_call(process, root):
    found = ask(process, root, "Point(1, ").parameters["Point"]
    assert found.names == {"y"}


def test_what_was_asked_before_changes_nothing(process, root):
    first = ask(process, root, "self.")
    ask(process, root, text="class Base:\n    other = 1\n|\n")
    assert ask(process, root, "self.") == first


@pytest.fixture
def hostile(root):
    ran = root / "ran"
    code = f"open({str(ran)!r}, 'w')\n"
    for name in ("sitecustomize.py", "conftest.py", "pkg/evil.py", "usercustomize.py"):
        (root / name).write_text(code)
    for name in ("evilso.so", "_json.so", f"pkg/_ext.cpython-{sys.version_info[1]}.so"):
        (root / name).write_bytes(b"\x7fELF hostile")
    python = root / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\ntouch {ran}\n")
    python.chmod(0o755)
    (root / ".venv/pyvenv.cfg").write_text("home = /usr/bin\n")
    site = root / f".venv/lib/python3.{sys.version_info[1]}/site-packages"
    (site / "installed").mkdir(parents=True)
    (site / "installed/__init__.py").write_text(code + "def there(): pass\n")
    (site / "evil.pth").write_text(f"import os; {code}")
    return ran


def test_a_workspace_is_read_and_never_run(process, root, hostile):
    text = (
        "import installed, evilso, conftest, sitecustomize, _json\nfrom pkg import evil, _ext\n|\n"
    )
    assert "there" in ask(process, root, "installed.", text).at_caret.names
    for line in ("evilso.", "conftest.", "evil.", "_ext.", "import ", "from pkg import "):
        ask(process, root, line, text)
    assert not hostile.exists()


def test_the_document_on_disk_is_not_read(process, root):
    (root / "pkg/mine.py").write_text("def answer(): pass\n")
    found = ask(process, root, "mine.", "from pkg import mine\n|\n")
    assert found.at_caret is None or "answer" not in found.at_caret.names


def test_a_process_that_ends_is_replaced(root):
    process = NameProcess()
    assert ask(process, root) is not None
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.wait()
    assert ask(process, root) is None
    assert ask(process, root) is not None
    process.close()
    assert ask(process, root) is None


def test_a_process_that_hangs_or_babbles_is_given_up(root, tmp_path, monkeypatch):
    worker = tmp_path / "worker.py"
    monkeypatch.setattr("completer.names.process._WORKER", worker)
    monkeypatch.setattr("completer.context.worker_process._MOST_S", 0.5)
    for text in ("import time; time.sleep(60)", "input(); print('{}'); input()"):
        worker.write_text(text)
        process = NameProcess()
        assert ask(process, root) is None
        process.close()


def test_a_keystroke_does_not_wait_and_finds_the_answer_later(process, root):
    finder = NameFinder(process=process)
    before, after = TEXT.split("|")

    def typed(line, above=before):
        path = root / "pkg/mine.py"
        return finder.evidence(above + line, after, "python", path, root, wait_s=0.001)

    began = time.monotonic()
    typed("")
    assert time.monotonic() - began < 1
    deadline = time.monotonic() + 20
    while (found := typed("")) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    asked = len(finder._known)
    assert typed("x = pa").members == found.members
    assert len(finder._known) == asked
    changed = typed("", before + "p = other()\n        ")
    assert "self" in changed.members
    assert "p" not in changed.members
    finder.forget(root)
    assert not finder._known
