"""A workspace that is closed while the service runs: nothing of it is used, remembered or held."""

import asyncio
import gc
import string
import threading
import time
import weakref
from pathlib import Path

import pytest

from completer.cli.assembly import build_service
from completer.context.workspace import Workspace
from completer.drafting.warm_up import warm_up
from completer.errors import BadRequestError
from completer.place import local_place
from completer.request import CompletionRequest
from models.loading import LoadedModel, load_model
from tests.completer.http.live import eventually
from tests.completer.serving.test_service import NO_TUNING, settings
from tests.tiny import save_tiny

WORKSPACE_THREADS = {"index", "file-watcher", "workspace-feed", "close-workspace"}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> LoadedModel:
    return load_model(str(save_tiny("llama", tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.fixture
def service(model, tmp_path):
    warm_up()  # a workspace that is closed before that has come to its end waits for it
    service = build_service(model, NO_TUNING, settings(tmp_path))
    yield service
    service.close()


@pytest.fixture
def root(tmp_path):
    """A workspace, whose index has been saved once."""
    root = tmp_path / "shop"
    (root / "inner").mkdir(parents=True)
    (root / "prices.py").write_text("def zebra_quotient(amount):\n    return amount\n" * 20)
    return local_place(root)


def ask(prefix="y = zebra_quo", **options) -> CompletionRequest:
    return CompletionRequest(prefix=prefix, **{"max_tokens": 12, **options})


async def does_not_end(service) -> str:
    """A prefix that the model, whose weights are random, goes on from for long."""
    for letter in string.ascii_lowercase:
        answer = await service.complete(ask(letter * 40, max_tokens=199))
        if answer.stats.generated_tokens == 199:
            return letter * 40
    pytest.fail("the model ends every answer early")


def threads():
    return WORKSPACE_THREADS & {thread.name for thread in threading.enumerate()}


def mapped(folder: Path) -> bool:
    return str(folder) in Path("/proc/self/maps").read_text()


def inotify() -> int:
    links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return sum("inotify" in str(link) for link in links)


def held(service):
    """What the service's caches say that they hold for workspaces."""
    owners = [key[1][0] for key in service._host.now._results._entries]
    owners += [slot.owner for slot in service._host.now._engine._pool.slots]
    return [owner for owner in owners if "workspace" in owner] + list(service._answered)


async def open_and_used(service, root):
    service.open_workspace(root)
    assert service._repositories.open(root).wait(20)
    return await service.complete(ask(path=root / "app.py"))


async def test_a_closed_workspace_leaves_nothing_behind(service, root, tmp_path):
    assert (await open_and_used(service, root)).stats.drafted > 0
    service.close_workspace(root)
    await eventually(lambda: not threads(), 10)
    fds = inotify()
    used = await open_and_used(service, root)  # from the saved index, which is mapped
    assert used.stats.drafted > 0
    assert held(service)
    assert threads()
    assert mapped(tmp_path / "cache")
    assert inotify() > fds
    gone = weakref.ref(service._repositories.open(root))

    service.close_workspace(root)
    assert service.info().workspaces == ()
    await eventually(lambda: not threads(), 10)
    gc.collect()
    assert gone() is None
    assert held(service) == []
    assert service._host.now._results.nbytes == 0
    assert not mapped(tmp_path / "cache")
    assert inotify() == fds
    assert service._host.now._generations.prompts._encode_again.cache_info().currsize == 0


async def test_nothing_of_a_closed_workspace_is_used(service, root):
    before = await open_and_used(service, root)
    service.close_workspace(root)
    after = await service.complete(ask(path=root / "app.py"))
    assert not after.stats.cached
    assert after.stats.drafted == after.stats.reused_tokens == 0
    service.accepted(before.id, "zebra_quotient(1)")  # of an answer that nobody knows any more
    with pytest.raises(BadRequestError, match="is not open"):
        await service.complete(ask(workspace=root))
    service.close_workspace(root)
    assert (await open_and_used(service, root)).stats.drafted > 0


@pytest.mark.parametrize("closed", ["outer", "inner"])
async def test_of_two_folders_within_each_other_the_right_one_stays(service, root, closed):
    inner = local_place(root / "inner")
    for each in (root, inner):
        await open_and_used(service, each)
    service.close_workspace(root if closed == "outer" else inner)
    stays = inner if closed == "outer" else root
    assert service.info().workspaces == (stays,)
    holding = service._repositories.of(ask(path=inner / "a.py"))
    assert holding.root == stays
    assert holding.is_open
    outside = service._repositories.of(ask(path=root / "a.py"))
    assert (outside is None) is (closed == "outer")


async def test_a_request_is_asked_again_where_its_workspace_is_closed_meanwhile(service, root):
    await open_and_used(service, root)
    engine = service._host.now._engine
    prefix = await does_not_end(service)
    task = asyncio.create_task(service.complete(ask(prefix, path=root / "a.py", max_tokens=200)))
    await eventually(lambda: engine.load[0], 10)
    service.close_workspace(root)
    answer = await asyncio.wait_for(task, 20)

    assert answer.finish_reason in ("stop", "length")
    assert answer.stats.drafted == 0
    await eventually(lambda: not threads(), 10)
    assert held(service) == []


async def test_a_workspace_that_is_closed_while_it_is_read_is_read_no_further(
    service, root, monkeypatch
):
    for n in range(300):
        (root / f"f{n}.py").write_text(f"value_{n} = {n}\n")
    reads = []

    def slow_read(workspace, path):
        reads.append(path)
        time.sleep(0.05)
        return path.read_text()

    monkeypatch.setattr(Workspace, "read", slow_read)
    service.open_workspace(root)
    await eventually(lambda: reads, 10)
    service.close_workspace(root)
    await eventually(lambda: not threads(), 5)  # all of them take 15 s
    assert len(reads) < 300
    monkeypatch.undo()
    service.open_workspace(root)
    repository = service._repositories.open(root)
    assert repository.wait(20)
    assert len(repository._index.drafter.corpus) == 301
