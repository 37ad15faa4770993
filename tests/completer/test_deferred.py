"""A service that is there while its model loads: requests wait, messages keep their order."""

import asyncio
import threading
from pathlib import Path

import pytest

from completer.deferred import DeferredService
from completer.interface import ServiceInfo
from completer.request import CompletionRequest
from models.errors import ModelError
from tests.fakes import FakeService

LOADING = ServiceInfo(model="m", device="auto", dtype="auto", context_tokens=0, workspaces=())


class ClosableFake(FakeService):
    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def real() -> ClosableFake:
    return ClosableFake(reply=lambda request: "text")


async def test_requests_wait_for_the_model(real):
    may_load = threading.Event()
    service = DeferredService(lambda: (may_load.wait(5), real)[1], LOADING)
    task = asyncio.create_task(service.complete(CompletionRequest(prefix="a")))
    await asyncio.sleep(0.02)

    assert not task.done()
    assert not service.ready
    assert service.info() is LOADING
    may_load.set()
    assert (await task).text == "text"
    assert service.info() == real.info()
    service.close()
    assert real.closed


async def test_what_was_told_meanwhile_arrives_in_order(real, tmp_path):
    may_load = threading.Event()
    service = DeferredService(lambda: (may_load.wait(5), real)[1], LOADING)
    told = []
    real.open_workspace = lambda root: told.append(("open", root))
    real.document_changed = lambda path, text: told.append((path, text))
    service.open_workspace(tmp_path)
    service.document_changed(Path("/a"), "1")
    may_load.set()
    await service.complete(CompletionRequest(prefix="a"))
    service.document_changed(Path("/a"), "2")

    assert told == [("open", tmp_path), (Path("/a"), "1"), (Path("/a"), "2")]


async def test_a_model_that_cannot_be_loaded_is_every_requests_error():
    def make():
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
    service = DeferredService(lambda: (may_load.wait(5), real)[1], LOADING)
    task = asyncio.create_task(service.complete(CompletionRequest(prefix="a")))
    await asyncio.sleep(0.02)
    task.cancel()
    may_load.set()

    assert (await service.complete(CompletionRequest(prefix="a"))).text == "text"
