"""What a process refuses once its guard is raised; each try in a process of its own kind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from completer.names.guard import Guard, stdlib_folders

OURS = Path(__file__).parents[3]
TRIES = """
import json, os, pathlib, shutil, socket, subprocess, sys, types
import ctypes
from completer.names.guard import Guard
root, ours = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
os.chdir(root)
tries = json.loads(sys.argv[3])
guard = Guard(ours).raised()
guard.about(str(root / "document.py"), [str(root)], str(root / "cache"))
run = compile("1", str(root / "strange.py"), "exec")
climbs = compile("1", str(ours / ".." / root.name / "strange.py"), "exec")
found = {}
for text in tries:
    try:
        eval(text)
        found[text] = "done"
    except PermissionError:
        found[text] = "refused"
    except BaseException as error:
        found[text] = repr(error)
print(json.dumps(found))
"""
REFUSED = [
    # connecting
    "socket.create_connection(('127.0.0.1', 9))",
    "socket.socket().connect(('127.0.0.1', 9))",
    "socket.socket().bind(('127.0.0.1', 0))",
    "socket.getaddrinfo('localhost', 9)",
    # starting programs
    "subprocess.run([sys.executable, '-c', '1'])",
    "os.system('exit')",
    "os.execv(sys.executable, [sys.executable, '-c', '1'])",
    "os.kill(os.getpid(), 0)",
    "ctypes.CDLL(None)",
    # running what is not ours
    "exec(run)",
    "exec(climbs)",
    # writing
    "open('new.txt', 'w')",
    "open('file.txt', 'a')",
    "open('file.txt', 'r+')",
    "os.open('new.txt', os.O_CREAT)",
    "os.open('file.txt', os.O_TRUNC)",
    "pathlib.Path('file.txt').write_text('')",
    "open('cache/../new.txt', 'w')",
    "open('cachelike', 'w')",
    "os.remove('file.txt')",
    "os.rename('file.txt', 'cache/file.txt')",
    "os.rename('cache/old', 'old')",
    "os.mkdir('folder')",
    "os.symlink('file.txt', 'cache/link')",
    "os.chmod('file.txt', 0)",
    "os.utime('file.txt')",
    "os.truncate('file.txt', 0)",
    "shutil.rmtree('.')",
    # reading what is of another workspace
    "open('../other.txt')",
    "open('/etc/passwd')",
    "os.listdir('..')",
    "os.scandir('/')",
    # the document, whose text came with the question
    "open('document.py')",
    "open('./document.py', 'rb')",
]
DONE = [
    "open('file.txt').read()",
    "os.listdir('.')",
    "open('cache/tree', 'w').close()",
    "os.mkdir('cache/folder')",
    "os.utime('cache/tree')",
    "os.rename('cache/old', 'cache/new')",
    "os.remove('cache/new')",
    "exec('1')",
    "__import__('colorsys')",
    "__import__('_bisect')",
    "__import__('completer.names.question')",
]
POSIX = ["os.fork()", "os.posix_spawn(sys.executable, ['-c', '1'], {})", "__import__('pty').fork()"]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    root = tmp_path_factory.mktemp("guarded")
    (root / "cache").mkdir()
    for name in ("file.txt", "document.py", "cache/old"):
        (root / name).write_text("text")
    tries = [*REFUSED, *DONE, *([] if sys.platform == "win32" else POSIX)]
    command = [sys.executable, "-W", "ignore", "-c", TRIES, str(root), str(OURS), json.dumps(tries)]
    done = subprocess.run(command, cwd=OURS, capture_output=True, text=True, check=True)
    assert sorted(each.name for each in root.iterdir()) == ["cache", "document.py", "file.txt"]
    assert (root / "file.txt").read_text() == "text"
    return json.loads(done.stdout)


@pytest.mark.parametrize("text", [*REFUSED, *([] if sys.platform == "win32" else POSIX)])
def test_refused(found, text):
    assert found[text] == "refused"


@pytest.mark.parametrize("text", DONE)
def test_allowed(found, text):
    assert found[text] == "done"


def test_folders_are_compared_as_the_system_does(monkeypatch):
    import ntpath

    from completer.names import guard

    monkeypatch.setattr(guard.os, "path", ntpath)
    windows = Guard(Path("C:/Ours"))
    windows.about("", (), "C:\\Cache")
    assert windows._may_write("c:\\cache\\Tree.pkl")
    assert not windows._may_write("C:\\Cached\\tree.pkl")
    windows._check_code("c:\\ours\\names\\worker.py")
    with pytest.raises(PermissionError):
        windows._check_code("C:\\Ours2\\worker.py")


def test_the_standard_library_is_where_modules_of_it_lie():
    folders = stdlib_folders()

    assert str(Path(json.__file__).parent.parent) in folders
    assert len(folders) == len(set(folders))
