"""Two machines, as far as their folders go: a server with TLS, and a laptop's language server."""

import json
import ssl
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.completer.remote.git_server import Developer, git_server
from tests.completer.remote.machines import certificate
from tests.e2e.conftest import home_of, run, serving
from tests.e2e.language_client import language_client
from tests.e2e.test_engine_process import HEAVY, MOST_MB, opened, until

pytestmark = pytest.mark.slow


@pytest.fixture
def machines(tmp_path):
    """The environments of a server, and of a laptop with a token and the server's certificate."""
    for name in ("server", "laptop"):
        (tmp_path / name).mkdir()
    cert, key = certificate(tmp_path)
    with home_of(tmp_path / "server") as server, home_of(tmp_path / "laptop") as laptop:
        server |= {"COMPLETER_SERVER__TLS_CERT": str(cert), "COMPLETER_SERVER__TLS_KEY": str(key)}
        token = run("token", "add", "ada", env=server).stdout.strip()
        file = tmp_path / "laptop" / "token"
        file.touch(mode=0o600)
        file.write_text(token)
        laptop |= {
            "COMPLETER_ENGINE__TOKEN_FILE": str(file),
            "COMPLETER_ENGINE__CA_FILE": str(cert),
        }
        yield server, laptop


def kept(laptop, url):
    return json.loads(run("remote", "status", "--json", "--server", url, env=laptop).stdout)


def test_a_laptops_repository_is_completed_from_elsewhere(machines, project, tmp_path):
    server, laptop = machines
    log = tmp_path / "imports"
    with serving(env=server) as (url, _):
        assert url.startswith("https://")
        command = f"exec {sys.executable} -X importtime -m completer lsp --server {url} 2>{log}"
        with language_client(laptop, project.as_uri(), "sh", "-c", command) as client:
            until(lambda: kept(laptop, url)["files"] == 3, 60)
            answer = opened(client, project / "app.py").get(timeout=90)
            status = Path(f"/proc/{client.process.pid}/status").read_text()
            assert "result" in answer
            (project / "more.py").write_text("more = 1\n")
            until(lambda: kept(laptop, url)["files"] == 4, 30)
        imported = {line.rpartition("|")[2].strip() for line in log.read_text().splitlines()}
        assert imported & HEAVY == set()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        assert int(resident.split()[1]) / 1024 < MOST_MB
        assert (
            "0 files of 0 workspaces" in run("remote", "forget", "--server", url, env=laptop).stdout
        )
    (project / "more.py").unlink()
    assert "No engine runs" in run("status", env=laptop).stdout


def test_a_teams_repository_is_served_to_its_people(machines, tmp_path):
    server, laptop = machines
    cert, key = Path(server["COMPLETER_SERVER__TLS_CERT"]), server["COMPLETER_SERVER__TLS_KEY"]
    developer = Developer(tmp_path / "served", tmp_path / "clone")
    developer.push({"store.py": "class Store:\n    pass\n"})
    tokens = {"ada": Path(laptop["COMPLETER_ENGINE__TOKEN_FILE"]).read_text()}
    tokens["eve"] = run("token", "add", "eve", env=server).stdout.strip()
    with git_server(tmp_path / "served", (cert, Path(key))) as origin:
        team = {"name": "shop", "git": f"{origin.address}/shop.git", "ca_file": str(cert)}
        folder = tmp_path / "teams"
        server |= {
            "COMPLETER_SERVER__TEAM_FOLDER": str(folder),
            "COMPLETER_SERVER__TEAM_WORKSPACES": json.dumps([{**team, "people": ["ada"]}]),
        }
        with serving(env=server) as (url, _):

            def status(person: str) -> int:
                headers = {
                    "Authorization": f"Bearer {tokens[person]}",
                    "X-Completer-Workspace": str(folder / "shop"),
                }
                body = {"prompt": "import store\nstore.", "max_tokens": 4}
                return httpx.post(
                    f"{url}/v1/completions",
                    json=body,
                    headers=headers,
                    verify=ssl.create_default_context(cafile=cert),
                    timeout=90,
                ).status_code

            until(lambda: status("ada") == 200, 90)
            assert status("eve") == 400


def test_what_cannot_be_used_is_told_before_anything_is_sent(machines, project):
    _, laptop = machines
    plain = run("lsp", "--server", "http://gpu:8012", env=laptop)
    assert plain.returncode == 1
    assert "A token would go to gpu for all on the way to read." in plain.stderr
    assert "https://" in plain.stderr
    Path(laptop["COMPLETER_ENGINE__TOKEN_FILE"]).chmod(0o644)
    began = time.monotonic()
    loose = run("lsp", "--server", "https://gpu:8012", env=laptop)
    assert "can be read or written by others" in loose.stderr
    assert time.monotonic() - began < 20


def test_certificates_that_are_none_end_the_server(machines, tmp_path):
    server, _ = machines
    wrong = server | {"COMPLETER_SERVER__TLS_KEY": str(tmp_path / "laptop" / "token")}
    ended = run("serve", "--port", "0", env=wrong)
    assert ended.returncode == 1
    assert "cannot be used" in ended.stderr
