"""A model that loads in the background, is waited for, goes when it is not used, and comes back."""

import asyncio
import threading
import weakref

import pytest

from completer.errors import OverloadedError
from completer.serving.model_host import ModelHost
from models.errors import ModelError
from tests.completer.http.live import eventually


class Model:
    """What is loaded, as far as its host knows it."""

    closed = False

    def close(self) -> None:
        self.closed = True


class Loads:
    """Makes a model each time, when it may, or fails with `error`."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.models: list[weakref.ref[Model]] = []
        self.may_load = threading.Event()
        self.error: Exception | None = None
        if at_once:
            self.may_load.set()

    def __call__(self) -> Model:
        assert self.may_load.wait(5)
        if self.error is not None:
            raise self.error
        model = Model()
        self.models.append(weakref.ref(model))
        return model


def hosting(load, **options) -> ModelHost:
    return ModelHost(load, **options)


async def used(host, deadline_ms=None):
    async with host.use(deadline_ms) as model:
        return model


async def test_who_comes_first_waits_for_the_model():
    loads = Loads(at_once=False)
    host = hosting(loads)
    task = asyncio.create_task(used(host))
    await asyncio.sleep(0.02)

    assert not task.done()
    assert host.state == "loading"
    assert host.now is None
    loads.may_load.set()
    model = await task
    assert host.state == "ready"
    assert host.now is host.wait() is model
    host.close()
    assert model.closed


async def test_a_model_that_cannot_be_loaded_is_every_uses_error():
    loads = Loads()
    loads.error = ModelError("no such model")
    host = hosting(loads)
    for _ in range(2):
        with pytest.raises(ModelError, match="no such model"):
            await used(host)

    assert host.state == "failed"
    assert host.failure == "no such model"
    assert host.now is None
    host.close()


@pytest.mark.parametrize(
    ("error", "traced"), [(ModelError("no such model", hint="Get one."), False), (KeyError(), True)]
)
async def test_a_failure_is_logged_in_a_line_unless_nobody_foresaw_it(error, traced, caplog):
    loads = Loads()
    loads.error = error
    host = hosting(loads)
    with pytest.raises(type(error)):
        await used(host)
    host.close()

    (record,) = caplog.records
    assert bool(record.exc_info) == traced
    assert traced or record.message.endswith("no such model Get one.")
    assert host.failure == ("KeyError" if traced else "no such model")


async def test_cancelling_who_waits_does_not_stop_the_loading():
    loads = Loads(at_once=False)
    host = hosting(loads)
    task = asyncio.create_task(used(host))
    await asyncio.sleep(0.02)
    task.cancel()
    loads.may_load.set()

    assert await used(host)
    host.close()


async def test_nobody_waits_longer_than_the_deadline():
    loads = Loads(at_once=False)
    host = hosting(loads)
    with pytest.raises(OverloadedError, match="still being loaded") as refusal:
        await used(host, deadline_ms=20)
    loads.may_load.set()

    assert refusal.value.retry_after_s > 0
    assert await used(host, deadline_ms=5000)
    host.close()


async def test_an_unused_model_goes_and_comes_back_with_the_next_use():
    loads, freed = Loads(), []
    host = hosting(loads, idle_s=0.05, free=lambda: freed.append(True))
    first = await used(host)
    await eventually(lambda: freed, 5)
    assert first.closed
    assert host.state == "unloaded"
    assert host.now is None
    second = await used(host)

    assert len(loads.models) == 2
    assert not second.closed
    host.close()
    assert second.closed


async def test_nothing_holds_an_unloaded_model_when_its_memory_is_given_back():
    loads, gone = Loads(), []
    host = hosting(loads, idle_s=0.02, free=lambda: gone.append(loads.models[-1]() is None))
    await used(host)
    await eventually(lambda: gone, 5)

    assert gone == [True]
    host.close()


async def test_a_model_in_use_is_not_unloaded():
    loads = Loads()
    host = hosting(loads, idle_s=0.05)
    async with host.use(None) as model:
        await asyncio.sleep(0.3)
        assert host.now is model
    assert len(loads.models) == 1
    host.close()


async def test_a_reload_that_fails_is_tried_again_by_the_next_use():
    loads = Loads()
    host = hosting(loads, idle_s=0.02)
    await used(host)
    await eventually(lambda: host.state == "unloaded", 5)
    loads.error = ModelError("no memory")
    with pytest.raises(ModelError, match="no memory"):
        await used(host)
    assert (host.state, host.failure) == ("unloaded", "no memory")
    loads.error = None

    assert await used(host)
    assert host.failure == ""
    host.close()


async def test_closing_waits_for_a_loading_that_is_under_way():
    loads = Loads(at_once=False)
    host = hosting(loads)
    closing = asyncio.create_task(asyncio.to_thread(host.close))
    await asyncio.sleep(0.02)
    assert not closing.done()
    loads.may_load.set()
    await closing

    assert host.now.closed
