"""A service that is there while its model loads: requests wait, messages keep their order."""

import asyncio
import threading
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from completer.cli.assembly import build_service
from completer.deferred import DeferredService
from completer.errors import OverloadedError, WorkspaceError
from completer.interface import ServiceInfo, WorkspaceHealth
from completer.request import CompletionRequest
from models.errors import ModelError
from models.loading import load_model
from tests.completer.http.live import eventually
from tests.completer.test_service import NO_TUNING, settings
from tests.fakes import FakeService
from tests.tiny import save_tiny

LOADING = ServiceInfo(model="m", device="auto", dtype="auto", context_tokens=0, workspaces=())


class FakeWorkspaces:
    """What is left of a service whose model is unloaded."""

    roots = (Path("/w"),)
    index_bytes = 7
    health = {Path("/w"): WorkspaceHealth(fault="on purpose")}  # noqa: RUF012

    def __init__(self):
        self.told = []
        self.closed = False

    def open_workspace(self, root):
        self.told.append(root)

    def close_workspace(self, root):
        self.told.append(("close", root))

    def document_changed(self, path, text):
        self.told.append((path, text))

    def close(self):
        self.closed = True


class ClosableFake(FakeService):
    closed = False

    def release(self):
        self.left = FakeWorkspaces()
        return self.left

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def real() -> ClosableFake:
    return ClosableFake(reply=lambda request: "text")


async def test_requests_wait_for_the_model(real):
    may_load = threading.Event()
    service = DeferredService(lambda _: (may_load.wait(5), real)[1], LOADING)
    task = asyncio.create_task(service.complete(CompletionRequest(prefix="a")))
    await asyncio.sleep(0.02)

    assert not task.done()
    assert not service.ready
    assert service.info() == replace(LOADING, state="loading")
    assert (service.model, service.workspaces) == (LOADING.model, ())
    may_load.set()
    assert (await task).text == "text"
    assert service.info() == real.info()
    assert service.model == real.model
    service.close()
    assert real.closed


async def test_what_was_told_meanwhile_arrives_in_order(real, tmp_path):
    may_load = threading.Event()
    service = DeferredService(lambda _: (may_load.wait(5), real)[1], LOADING)
    told = []
    real.open_workspace = lambda root: told.append(("open", root))
    real.close_workspace = lambda root: told.append(("close", root))
    real.document_changed = lambda path, text: told.append((path, text))
    service.open_workspace(tmp_path)
    service.document_changed(Path("/a"), "1")
    service.close_workspace(tmp_path)
    service.open_workspace(tmp_path)
    may_load.set()
    await service.complete(CompletionRequest(prefix="a"))
    service.document_changed(Path("/a"), "2")
    service.close_workspace(tmp_path)

    opened, closed = ("open", tmp_path), ("close", tmp_path)
    assert told == [opened, (Path("/a"), "1"), closed, opened, (Path("/a"), "2"), closed]


async def test_nobody_waits_while_a_workspace_is_being_opened(real, tmp_path):
    may_load, may_open, told = threading.Event(), threading.Event(), []
    service = DeferredService(lambda _: (may_load.wait(5), real)[1], LOADING)

    def open_slowly(root):
        told.append("opening")
        assert may_open.wait(5)
        told.append("open")

    real.open_workspace = open_slowly
    real.document_changed = lambda path, text: told.append(text)
    service.open_workspace(tmp_path)
    may_load.set()
    await eventually(lambda: told, 5)
    asked = asyncio.create_task(service.complete(CompletionRequest(prefix="a")))
    service.document_changed(Path("/a"), "1")
    await asyncio.sleep(0.02)
    assert told == ["opening"]
    may_open.set()

    assert (await asked).text == "text"
    assert told == ["opening", "open", "1"]
    service.close()


async def test_a_model_that_cannot_be_loaded_is_every_requests_error():
    def make(_):
        raise ModelError("no such model")

    service = DeferredService(make, LOADING)
    for _ in range(2):
        with pytest.raises(ModelError, match="no such model"):
            await service.complete(CompletionRequest(prefix="a"))
    assert not service.ready
    assert isinstance(service.error, ModelError)
    service.document_changed(Path("/a"), "ignored")
    service.close()


async def test_cancelling_a_waiting_request_does_not_stop_the_loading(real):
    may_load = threading.Event()
    service = DeferredService(lambda _: (may_load.wait(5), real)[1], LOADING)
    task = asyncio.create_task(service.complete(CompletionRequest(prefix="a")))
    await asyncio.sleep(0.02)
    task.cancel()
    may_load.set()

    assert (await service.complete(CompletionRequest(prefix="a"))).text == "text"


async def test_a_request_waits_no_longer_than_its_deadline(real):
    may_load = threading.Event()
    service = DeferredService(lambda _: (may_load.wait(5), real)[1], LOADING)
    with pytest.raises(OverloadedError, match="still being loaded") as refusal:
        await service.complete(CompletionRequest(prefix="a", deadline_ms=20))
    may_load.set()

    assert refusal.value.retry_after_s > 0
    assert (await service.complete(CompletionRequest(prefix="a", deadline_ms=5000))).text == "text"
    service.close()


class Loads:
    """Makes a new service each time, and remembers what for."""

    def __init__(self, delay_s=0.0):
        self.services = []
        self.over = []
        self.delay_s = delay_s
        self.error = None

    def __call__(self, workspaces):
        self.over.append(workspaces)
        if self.error is not None:
            raise self.error
        memory = {"weights": 5, "draft_indexes": 7}
        self.services.append(ClosableFake(memory_bytes=memory, delay_s=self.delay_s))
        return self.services[-1]


def state(service):
    return service.info().state


async def test_an_idle_model_goes_and_comes_back_with_the_next_request(tmp_path):
    loads, freed = Loads(), []
    service = DeferredService(loads, LOADING, idle_s=0.05, free=lambda: freed.append(True))
    await service.complete(CompletionRequest(prefix="a"))
    await eventually(lambda: freed, 5)
    left = loads.services[0].left

    assert state(service) == "unloaded"
    assert service.info().memory_bytes == {"weights": 0, "draft_indexes": 7}
    assert service.info().workspaces == service.workspaces == left.roots
    service.open_workspace(tmp_path)
    service.document_changed(tmp_path / "a", "1")
    service.close_workspace(tmp_path)
    assert left.told == [tmp_path, (tmp_path / "a", "1"), ("close", tmp_path)]
    await service.complete(CompletionRequest(prefix="a"))
    assert loads.over == [None, left]
    assert not left.closed
    service.close()
    assert loads.services[1].closed


async def test_a_model_in_use_is_not_idle():
    loads = Loads(delay_s=0.3)
    service = DeferredService(loads, LOADING, idle_s=0.05)
    await asyncio.gather(*(service.complete(CompletionRequest(prefix=c)) for c in "abc"))

    assert service.ready
    assert len(loads.services) == 1
    service.close()


async def test_a_folder_that_has_gone_meanwhile_stops_nothing(real):
    def refuse(root):
        raise WorkspaceError(f"{root} is not a folder.")

    may_load = threading.Event()
    real.open_workspace = refuse
    service = DeferredService(lambda _: (may_load.wait(5), real)[1], LOADING)
    service.open_workspace(Path("/gone"))
    may_load.set()

    assert await service.complete(CompletionRequest(prefix="a"))
    service.close()


async def test_closing_while_unloaded_closes_the_workspaces():
    loads = Loads()
    service = DeferredService(loads, LOADING, idle_s=0.02)
    await service.complete(CompletionRequest(prefix="a"))
    await eventually(lambda: state(service) == "unloaded", 5)
    service.close()

    assert loads.services[0].left.closed


async def test_a_reload_that_fails_is_tried_again_by_the_next_request():
    loads = Loads()
    service = DeferredService(loads, LOADING, idle_s=0.02)
    await service.complete(CompletionRequest(prefix="a"))
    await eventually(lambda: state(service) == "unloaded", 5)
    loads.error = ModelError("no memory")
    with pytest.raises(ModelError, match="no memory"):
        await service.complete(CompletionRequest(prefix="a"))
    assert state(service) == "unloaded"
    loads.error = None

    assert await service.complete(CompletionRequest(prefix="a"))
    service.close()


async def test_an_unloaded_model_leaves_nothing_behind(tmp_path):
    folder = save_tiny("llama", tmp_path / "model")
    alive = []

    def make(repositories):
        model = load_model(str(folder), device="cpu")
        alive.append(weakref.ref(model.model))
        return build_service(model, NO_TUNING, settings(tmp_path), repositories)

    service = DeferredService(make, LOADING, idle_s=0.2)
    first = await service.complete(CompletionRequest(prefix="def f(", max_tokens=4))
    assert service.info().memory_bytes["weights"] > 0
    await eventually(lambda: alive[0]() is None, 10)
    assert service.info().memory_bytes["weights"] == service.info().memory_bytes["kv_pool"] == 0

    again = await service.complete(CompletionRequest(prefix="def f(", max_tokens=4))
    assert again.text == first.text
    assert len(alive) == 2
    service.close()
