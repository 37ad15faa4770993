"""Arms with another model: who answers, and what the other engine knows."""

from __future__ import annotations

import pytest

from completer.engine_process.by_model import ByModel, with_model
from completer.errors import CompleterError
from completer.place import local_place
from completer.request import Arm, Completion, CompletionRequest, TextDelta
from completer.settings import ModelSettings, Settings
from tests.completer.engine_process.wires import Engine
from tests.completer.http.live import eventually
from tests.fakes import FakeService

OWN, LARGE = (CompletionRequest(prefix="x", arm=arm) for arm in (None, Arm(name="e/l", model="l")))


@pytest.fixture
async def engine():
    return Engine(FakeService(reply=lambda request: "large"))


@pytest.fixture
async def service(engine):
    """A service whose engine for the model `l` is there, and for no other."""

    async def connect(model):
        if model != "l":
            raise CompleterError(f"no engine for {model}")
        return engine.connect()

    service = ByModel(FakeService(reply=lambda request: "own"), connect)
    yield service
    await service.close()


async def test_an_arm_with_another_model_is_answered_by_its_engine(service, engine):
    assert (await service.complete(OWN)).text == "own"
    assert engine.wires == []
    assert (await service.complete(LARGE)).text == "large"
    assert engine.service.requests[0].arm == LARGE.arm
    streamed = [part async for part in service.stream(LARGE)]
    assert "".join(part.text for part in streamed if isinstance(part, TextDelta)) == "large"
    assert isinstance(streamed[-1], Completion)
    assert len(engine.wires) == 1


async def test_the_other_engine_knows_what_is_open_whenever_it_was_opened(
    service, engine, tmp_path
):
    before, after = local_place(tmp_path / "a"), local_place(tmp_path / "b")
    for root in (before, after):
        root.mkdir()
    service.document_changed(local_place(before / "x.py"), "old")
    service.open_workspace(before)
    service._own.workspaces = (before,)
    await service.complete(LARGE)
    service.open_workspace(after)
    service.document_changed(local_place(after / "y.py"), "new")
    service.document_changed(local_place(before / "x.py"), None)
    service.close_workspace(after)
    await eventually(lambda: len(engine.service.documents) == 2, 2)
    assert engine.service.opened == [before, after]
    assert engine.service.documents == {before / "x.py": None, after / "y.py": "new"}


async def test_an_acceptance_reaches_whoever_made_the_completion(service, engine):
    completion = await service.complete(LARGE)
    service.accepted(completion.id, "large")
    assert engine.service.accepts == [(completion.id, "large")]


async def test_an_engine_that_cannot_be_had_fails_its_own_arm_alone(service):
    with pytest.raises(CompleterError, match="no engine for none"):
        await service.complete(CompletionRequest(prefix="x", arm=Arm(name="e/n", model="none")))
    assert (await service.complete(OWN)).text == "own"


def test_another_models_engine_has_all_other_settings():
    settings = Settings(model=ModelSettings(source="own", layout="starcoder2", dtype="float32"))
    assert with_model(settings, "l").model == ModelSettings(source="l", dtype="float32")
    assert with_model(settings, "l").completion is settings.completion


async def test_a_workspace_whose_folder_is_gone_is_in_nobodys_way(service, engine, tmp_path):
    gone = local_place(tmp_path / "gone")
    service._own.workspaces = (gone, local_place(tmp_path))
    service.document_changed(local_place(tmp_path / "x.py"), "text")
    assert (await service.complete(LARGE)).text == "large"
    assert engine.service.opened == [tmp_path]
    assert engine.service.documents == {tmp_path / "x.py": "text"}
