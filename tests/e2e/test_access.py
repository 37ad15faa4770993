"""Who may use a server that other machines can reach: real processes, real tokens."""

import json
import re
import subprocess
from pathlib import Path

import httpx
import openai
import pytest

from tests.e2e.conftest import run, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def owner(home: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of somebody without any token."""
    return home | {"XDG_CONFIG_HOME": str(tmp_path / "config")}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two repositories that the server has, each with a name of its own."""
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
        code = f"def {name}_price(amount):\n    return amount * {name}_rate\n"
        (tmp_path / name / "prices.py").write_text(code)
    return tmp_path / "mine", tmp_path / "theirs"


def token_for(name: str, *workspaces: Path, env: dict[str, str]) -> str:
    chosen = [each for workspace in workspaces for each in ("--workspace", workspace)]
    done = run("token", "add", name, *chosen, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def local(url: str) -> str:
    """Where a client on this machine reaches a server that listens everywhere."""
    return url.replace("0.0.0.0", "127.0.0.1")


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_without_a_token_no_other_machine_is_served(owner, host):
    done = run("serve", "--port", "0", "--host", host, env=owner)

    assert done.returncode == 1
    assert "completer token add NAME" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_says_so_too(owner):
    done = run("doctor", "--json", env=owner | {"COMPLETER_SERVER__HOST": "0.0.0.0"})
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    assert checks["access"]["ok"] is False
    assert "completer token add NAME" in checks["access"]["hint"]


def test_unless_that_is_wanted(owner):
    with serving("--host", "0.0.0.0", "--insecure", env=owner, stderr=subprocess.PIPE) as (url, it):
        assert httpx.get(f"{local(url)}/v1/models").status_code == 200
        it.terminate()
        assert it.stderr is not None
        assert "warning" in it.stderr.read()
        it.stderr.close()


def test_a_token_lets_one_person_in_until_it_is_taken_away(owner):
    ada = token_for("ada", env=owner)
    with serving("--host", "0.0.0.0", env=owner) as (url, _):
        client = openai.OpenAI(base_url=f"{local(url)}/v1", api_key=ada, timeout=60)
        stranger = client.with_options(api_key="completer_unknown", max_retries=0)
        assert [model.id for model in client.models.list()] == ["bundled"]
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()
        bob = client.with_options(api_key=token_for("bob", env=owner))
        answer = bob.completions.create(model="bundled", prompt="a = ", max_tokens=2, user="ada")
        assert answer.usage.completion_tokens > 0
        assert run("token", "remove", "ada", env=owner).returncode == 0
        with pytest.raises(openai.AuthenticationError):
            client.with_options(max_retries=0).models.list()
        assert bob.models.list().data
        assert run("token", "remove", "bob", env=owner).returncode == 0
        with pytest.raises(openai.AuthenticationError):
            bob.with_options(max_retries=0).models.list()
        client.close()


def test_a_token_shows_its_workspaces_and_no_others(owner, folders):
    mine, theirs = folders
    ada = token_for("ada", mine, env=owner)
    everybody = token_for("everybody", env=owner)
    served = ("--workspace", mine, "--workspace", theirs)

    def ask(token: str, **headers: str) -> httpx.Response:
        body = {"prompt": "def price(amount):\n    return ", "suffix": "\n", "max_tokens": 8}
        return httpx.post(
            f"{url}/v1/completions",
            json=body,
            headers={"Authorization": f"Bearer {token}", **headers},
            timeout=60,
        )

    with serving(*served, env=owner) as (url, _):
        in_mine = ask(ada, **{"X-Completer-Workspace": str(mine)})
        assert in_mine.status_code == 200, in_mine.text
        refused = ask(ada, **{"X-Completer-Workspace": str(theirs)})
        assert refused.status_code == 400
        assert str(theirs) not in re.sub(re.escape(str(theirs)), "", refused.text, count=2)
        beside = ask(ada, **{"X-Completer-Path": str(theirs / "prices.py")})
        assert beside.status_code == 200
        assert "theirs" not in beside.text
        assert ask(everybody, **{"X-Completer-Workspace": str(theirs)}).status_code == 200


def test_on_this_machine_alone_no_token_is_needed(server):
    assert httpx.get(f"{server.url}/v1/models").status_code == 200


def test_a_page_that_may_ask(owner):
    page = {"Origin": "http://localhost:3000"}
    allowed = {"COMPLETER_SERVER__ALLOWED_ORIGINS": '["http://localhost:3000"]'}
    for environment, status in ((owner, 403), (owner | allowed, 200)):
        with serving(env=environment) as (url, _):
            reply = httpx.get(f"{url}/v1/models", headers=page)
        assert reply.status_code == status
        if status == 403:
            assert "server.allowed_origins" in reply.json()["error"]["message"]
