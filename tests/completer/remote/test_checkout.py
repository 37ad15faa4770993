"""What is fetched from real git servers, and all that git is not let do."""

from __future__ import annotations

import base64
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from completer.errors import CompleterError, SettingsError
from completer.remote.checkout import Checkout, Source
from tests.completer.remote.git_server import Developer, git, git_server
from tests.completer.remote.machines import certificate

pytestmark = pytest.mark.slow
FILES = {"app.py": "import shop\n", "shop/store.py": "class Store:\n    pass\n"}
LARGEST = 64 << 20


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def developer(tmp_path) -> Developer:
    developer = Developer(tmp_path / "served", tmp_path / "clone")
    developer.push(FILES)
    return developer


@pytest.fixture
def server(tmp_path, developer, tls):
    with git_server(tmp_path / "served", tls) as server:
        yield server


@pytest.fixture
def checkout(tmp_path, server, tls):
    def make(
        url: str = "", *, max_bytes: int = LARGEST, within_s: float = 60.0, **more
    ) -> Checkout:
        source = Source(url=url or f"{server.address}/shop.git", ca_file=tls[0], **more)
        return Checkout(tmp_path / "teams/shop", source, max_bytes=max_bytes, within_s=within_s)

    return make


def files_in(tree: Path) -> dict[str, str]:
    found = (path for path in tree.rglob("*") if not path.is_dir())
    return {path.relative_to(tree).as_posix(): path.read_text() for path in found}


def test_the_files_of_a_branch_are_there_and_follow_it(checkout, developer):
    fetched = checkout()
    assert not fetched.is_there
    assert fetched.update()
    assert files_in(fetched.tree) == FILES
    assert not fetched.update()
    (developer.folder / "shop/store.py").unlink()
    developer.push({"app.py": "new = 1\n"})
    (fetched.tree / "stray.py").write_text("left over\n")
    assert fetched.update()
    assert files_in(fetched.tree) == {"app.py": "new = 1\n"}
    assert checkout().is_there


def test_another_branch_can_be_named(checkout, developer):
    developer.push({"app.py": "released = 1\n"}, branch="release/1.0")
    fetched = checkout(branch="release/1.0")
    fetched.update()
    assert files_in(fetched.tree)["app.py"] == "released = 1\n"
    with pytest.raises(CompleterError, match="fetch failed"):
        checkout(branch="missing").update()


def test_history_does_not_come_along(checkout, developer, tmp_path):
    developer.push({"big.py": "x" * 1_000})
    fetched = checkout()
    fetched.update()
    assert git(tmp_path / "teams/shop.git", "rev-list", "--count", "refs/heads/served") == "1"


def test_all_of_it_is_its_owners_alone(checkout, tmp_path):
    checkout().update()
    for path in (tmp_path / "teams").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_what_git_left_when_it_was_killed_does_not_stop_it(checkout, developer, tmp_path):
    fetched = checkout()
    fetched.update()
    repository = tmp_path / "teams/shop.git"
    for name in ("index.lock", "shallow.lock", "refs/heads/fetched.lock"):
        (repository / name).touch()
    developer.push({"app.py": "again = 1\n"})
    assert fetched.update()
    assert files_in(fetched.tree)["app.py"] == "again = 1\n"


def test_a_folder_that_is_somebody_elses_is_left_alone(checkout, tmp_path):
    (tmp_path / "teams/shop").mkdir(parents=True)
    (tmp_path / "teams/shop/mine.py").write_text("mine")
    with pytest.raises(CompleterError, match="in the way"):
        checkout().update()
    assert (tmp_path / "teams/shop/mine.py").read_text() == "mine"


@pytest.mark.parametrize(
    "url", ["{file}", "file://{file}", "ext::touch {canary}", "git://127.0.0.1:1/a", "{http}"]
)
def test_no_other_protocol_is_spoken(checkout, server, tmp_path, url):
    canary = tmp_path / "canary"
    http = server.address.replace("https:", "http:") + "/shop.git"
    url = url.format(file=tmp_path / "served/shop.git", canary=canary, http=http)
    with pytest.raises(CompleterError, match=r"transport '.*' not allowed"):
        checkout(url).update()
    assert not canary.exists()
    assert not server.asked


def test_no_redirect_is_followed(checkout, server, tmp_path, tls):
    with git_server(tmp_path / "served", tls) as other:

        def elsewhere(request) -> bool:
            request.send_response(302)
            request.send_header("Location", other.address + request.path)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return True

        server.instead = elsewhere
        with pytest.raises(CompleterError, match="fetch failed"):
            checkout().update()
        assert server.asked
        assert not other.asked


def test_submodules_are_not_fetched(checkout, server, developer, tmp_path):
    inner = Developer(tmp_path / "served", tmp_path / "inner", "inner")
    inner.push({"inner.py": "x = 1\n"})
    git(developer.folder, "submodule", "add", "-q", str(tmp_path / "served/inner.git"), "inner")
    address = f"{server.address}/inner.git"
    git(developer.folder, "config", "-f", ".gitmodules", "submodule.inner.url", address)
    developer.push({})
    fetched = checkout()
    fetched.update()
    assert files_in(fetched.tree).keys() == {*FILES, ".gitmodules"}
    assert not [path for path, _ in server.asked if "inner" in path]


def test_links_are_files(checkout, developer):
    (developer.folder / "link.py").symlink_to("/etc/passwd")
    developer.push({})
    fetched = checkout()
    fetched.update()
    assert not (fetched.tree / "link.py").is_symlink()
    assert files_in(fetched.tree)["link.py"] == "/etc/passwd"


def test_no_hook_and_nothing_of_this_machines_settings_runs(
    checkout, developer, tmp_path, monkeypatch
):
    canary = tmp_path / "canary"
    home = tmp_path / "home"
    home.mkdir()
    hook = home / "hooks/post-checkout"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {canary}\n")
    hook.chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n hooksPath = {hook.parent}\n fsmonitor = {hook}\n"
        f'[filter "lfs"]\n smudge = {hook}\n process = {hook}\n required = true\n'
        f'[url "file:///nowhere"]\n insteadOf = https://\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.fsmonitor={hook}'")
    developer.push({".gitattributes": "*.py filter=lfs\n"})
    fetched = checkout()
    fetched.update()
    hooks = tmp_path / "teams/shop.git/hooks"
    hooks.mkdir()
    (hooks / "post-checkout").write_text(hook.read_text())
    (hooks / "post-checkout").chmod(0o755)
    developer.push({"app.py": "hooked = 1\n"})
    fetched.update()
    assert files_in(fetched.tree)["app.py"] == "hooked = 1\n"
    assert not canary.exists()


def refuse(request) -> bool:
    if "Authorization" in request.headers:
        return False
    request.send_response(401)
    request.send_header("WWW-Authenticate", 'Basic realm="git"')
    request.send_header("Content-Length", "0")
    request.end_headers()
    return True


def test_nobody_is_asked_for_a_password(checkout, server, tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    helper = f"!touch {canary}; echo username=ada; echo password=secret"
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[credential]\n helper = "{helper}"\n')
    (home / ".netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_ASKPASS", "/bin/echo")
    server.instead = refuse
    with pytest.raises(CompleterError, match="fetch failed"):
        checkout().update()
    assert not canary.exists()
    assert {authorization for _, authorization in server.asked} == {""}


def test_a_key_for_https_is_a_user_and_a_password(checkout, server, tmp_path):
    server.instead = refuse
    key = tmp_path / "key"
    key.write_text("reader:secret\n")
    key.chmod(0o644)
    with pytest.raises(SettingsError, match="read or written by others"):
        checkout(key=key).update()
    key.chmod(0o600)
    fetched = checkout(key=key)
    assert fetched.update()
    encoded = base64.b64encode(b"reader:secret").decode()
    assert {authorization for _, authorization in server.asked} == {f"Basic {encoded}"}
    assert "secret" not in (tmp_path / "teams/shop.git/config").read_text()


def test_a_server_is_believed_by_its_certificate_alone(server, tmp_path):
    source = Source(url=f"{server.address}/shop.git")
    with pytest.raises(CompleterError, match="certificate"):
        Checkout(tmp_path / "teams/shop", source, max_bytes=LARGEST).update()
    assert not server.asked


def test_ssh_is_started_with_its_key_and_nothing_of_the_environment(
    checkout, developer, tmp_path, monkeypatch
):
    """The program that stands for ssh serves the repository itself, as the other side would."""
    programs, key = tmp_path / "programs", tmp_path / "key"
    programs.mkdir()
    key.write_text("private key\n")
    key.chmod(0o600)
    ssh = programs / "ssh"
    served = str(tmp_path / "served/shop.git")
    ssh.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"json.dump([sys.argv[1:], dict(os.environ)], open({str(tmp_path / 'seen')!r}, 'w'))\n"
        f"os.execvp('git-upload-pack', ['git-upload-pack', {served!r}])\n"
    )
    ssh.chmod(0o755)
    core = git(tmp_path, "--exec-path")
    monkeypatch.setenv("PATH", os.pathsep.join([str(programs), core, os.environ["PATH"]]))
    monkeypatch.setenv("CANARY", "of the environment")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    fetched = checkout("ssh://git@code.example/shop.git", key=key)
    assert fetched.update()
    assert files_in(fetched.tree) == FILES
    seen = (tmp_path / "seen").read_text()
    assert f'"{key}"' in seen
    assert "StrictHostKeyChecking=yes" in seen
    assert "CANARY" not in seen
    assert "SSH_AUTH_SOCK" not in seen


def test_too_much_is_not_kept(checkout, developer, tmp_path):
    (developer.folder / "big.bin").write_bytes(os.urandom(3 << 20))
    developer.push({})
    fetched = checkout(max_bytes=1 << 20)
    with pytest.raises(CompleterError, match="more than 1 MB"):
        fetched.update()
    assert not fetched.is_there
    assert not files_in(fetched.tree)


def test_too_much_once_it_is_unpacked_is_not_served(checkout, developer):
    developer.push({"zeros.txt": "0" * (8 << 20)})
    fetched = checkout(max_bytes=4 << 20)
    with pytest.raises(CompleterError, match="more than 4 MB"):
        fetched.update()
    assert not fetched.is_there


def test_a_server_that_says_nothing_is_given_up(checkout, server):
    ends = threading.Event()
    server.instead = lambda request: ends.wait(60)
    fetched = checkout(within_s=1.0)
    try:
        with pytest.raises(CompleterError, match=r"more than 1 s"):
            fetched.update()
        assert not running(fetched)
    finally:
        ends.set()


def test_what_is_under_way_can_be_stopped(checkout, server):
    ends, came = threading.Event(), threading.Event()

    def hang(request):
        came.set()
        return ends.wait(60)

    server.instead = hang
    fetched = checkout()
    found: list[BaseException] = []

    def update() -> None:
        try:
            fetched.update()
        except CompleterError as error:
            found.append(error)

    thread = threading.Thread(target=update)
    thread.start()
    try:
        assert came.wait(60)
        fetched.stop()
        thread.join(60)
        assert "ends" in str(found[0])
        assert not running(fetched)
    finally:
        ends.set()


def running(checkout: Checkout) -> list[str]:
    """The processes that still work on it, its helpers too."""
    until = time.monotonic() + 20
    while found := _running(str(checkout.tree)):
        if time.monotonic() > until:
            break
        time.sleep(0.05)  # what was killed is being taken off
    return found


def _running(name: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (process / "environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if f"HOME={name}.git" in environment:
            found.append(command)
    return found


def test_without_git_it_is_told(checkout, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompleterError, match="cannot be started") as raised:
        checkout().update()
    assert "Install" in raised.value.hint
