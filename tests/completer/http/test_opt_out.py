"""A workspace that has opted out of telemetry, however requests name it, and if they do not."""

import pytest

from completer.http.app import create_app
from completer.place import local_place
from telemetry.journal import open_recorder
from telemetry.privacy import opt_out_list
from tests.fakes import FakeService
from tests.telemetry.databases import count


@pytest.fixture
def top(tmp_path):
    (tmp_path / "private/lib").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to("private")
    return tmp_path


@pytest.fixture
def service(top):
    return FakeService(workspaces=(local_place(top / "private"),))


@pytest.fixture
def recorder(top):
    opt_out_list(top / "telemetry").add(workspace=str(top / "private"))
    recorder = open_recorder(top / "telemetry")
    yield recorder
    recorder.close()


@pytest.fixture
def app(service, recorder):
    return create_app(service, recorder)


async def ask(post, **named):
    """A completion, reported as shown and accepted; `named` are headers and a body's path."""
    headers = {f"x-completer-{k}": str(v) for k, v in named.items() if k != "filepath"}
    segments = {"prefix": "x = ", "filepath": named.get("filepath")}
    reply = await post("/v1/completions", {"segments": segments}, **headers)
    event = {"completion_id": reply["id"], "choice_index": 0}
    for what in ("shown", "accepted"):
        await post("/v1/events", {**event, "event": what})


def recorded(recorder):
    assert recorder.flush()
    return [count(recorder.path, table) for table in ("opportunity", "suggestion", "accept")]


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"path": "{}/private/lib/new.py"},
        {"path": "lib/new.py"},
        {"filepath": "file://{}/link/lib/new.py"},
        {"workspace": "{}/link"},
        {"workspace": "{}/link", "path": "{}/link/lib/new.py"},
        {"filepath": "vscode-remote://host/home/me/x.py"},
    ],
)
async def test_nothing_is_recorded(post, top, recorder, named):
    await ask(post, **{name: value.format(top) for name, value in named.items()})
    assert recorded(recorder) == [0, 0, 0]


async def test_what_may_be_of_any_workspace_may_be_of_that_one(post, top, service, recorder):
    service.workspaces += (local_place(top / "other"),)
    await ask(post)
    await ask(post, path="new.py")
    assert recorded(recorder) == [0, 0, 0]
    await ask(post, workspace=top / "other")
    await ask(post, path=top / "other/new.py")
    await ask(post, path="/elsewhere/new.py")
    assert recorded(recorder) == [3, 3, 3]
