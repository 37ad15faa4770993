"""Raw prompts in the whole service: read into parts, or served as they are with all that helps."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from completer.cli.assembly import build_service
from completer.place import Place, local_place
from completer.request import Completion, CompletionRequest, Snippet
from completer.serving.raw_prompts import AS_IT_IS, in_parts
from completer.serving.service import LocalService
from models.fim_template import Text
from models.loading import LoadedModel, load_model
from models.source import BUNDLED
from tests.completer.serving.test_service import NO_TUNING, settings
from tests.models.test_raw_prompt import AFTER, BEFORE, QWEN, WITH_FILES, ZED

SHOP = Place(Path("/work/shop"))
EXAMPLE = Path(__file__).parents[3] / "examples" / "shop"


def raw(text: str, **changes: Any) -> CompletionRequest:
    return CompletionRequest(prefix=text, **{"raw": True, "multiline": True, **changes})


def test_a_layout_becomes_a_request_like_any_other():
    found = in_parts(raw(QWEN, withhold=False), None, pure=False)

    asked = CompletionRequest(
        prefix=BEFORE, suffix=AFTER, polish=True, multiline=True, withhold=False
    )
    assert found == replace(asked, read_as="qwen-coder")


@pytest.mark.parametrize(
    ("changes", "workspace", "path"),
    [
        ({}, SHOP, SHOP / "src/a.py"),
        ({}, None, Path("src/a.py")),
        ({"path": SHOP / "b.py"}, SHOP, SHOP / "b.py"),
    ],
)
def test_the_path_in_a_prompt_counts_where_the_request_names_none(changes, workspace, path):
    text = WITH_FILES["Qwen's repository level"][1]
    found = in_parts(raw(text, **changes), workspace, pure=False)

    assert found.path == path
    assert found.snippets == (Snippet(path="lib/b.py", text="B = 2\nC = 3\n"),)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd"])
def test_a_path_out_of_the_workspace_is_a_mere_name(name):
    text = f"<|file_sep|>{name}\n{QWEN}"

    assert in_parts(raw(text), SHOP, pure=False).path == Path("passwd")
    assert in_parts(raw(text), None, pure=False).path == Path("passwd")


def test_what_is_to_be_left_alone_is():
    untouched = raw(QWEN, as_is=True)

    assert in_parts(untouched, None, pure=False) == untouched
    assert in_parts(raw(QWEN), None, pure=True) == untouched
    assert in_parts(CompletionRequest(prefix=QWEN), None, pure=True).prefix == QWEN


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_model(BUNDLED, device="cpu")


@pytest.fixture
def service(model, tmp_path):
    folder = shutil.copytree(EXAMPLE, tmp_path / "shop")
    service = build_service(model, NO_TUNING, settings(tmp_path))
    service.open_workspace(local_place(folder))
    assert service._repositories.open(local_place(folder)).wait(120)
    yield service
    service.close()


ASKED = json.loads((EXAMPLE.parent / "find_order.json").read_text())


async def answer(service: LocalService, request: CompletionRequest) -> Completion:
    service.forget()
    patient = replace(request, workspace=service.workspaces[0], deadline_ms=60_000.0)
    return await service.complete(patient)  # however busy the machine is


def said(completion: Completion) -> tuple[str, str, int, int, str]:
    stats = completion.stats
    tokens = stats.prompt_tokens, stats.generated_tokens
    return completion.text, completion.finish_reason, *tokens, completion.distribution


@pytest.mark.slow
@pytest.mark.parametrize("layout", ZED)
async def test_a_layout_is_answered_as_the_same_request_in_parts(service, layout):
    """Tokens, text and stopping are the same, whichever family's marks it came in; so are drafts.

    How many steps they save differs by what is learned of a machine's speed from one to the next.
    """
    before, after = ASKED["prompt"], ASKED["suffix"]
    text = ZED[layout][1].replace(BEFORE, before).replace(AFTER, after)
    parts = CompletionRequest(
        prefix=before, suffix=after, polish=True, multiline=True, withhold=False
    )
    theirs = await answer(service, raw(text, withhold=False))
    ours = await answer(service, parts)

    assert said(theirs) == said(ours)
    assert min(theirs.stats.accepted, ours.stats.accepted) > 10
    assert (theirs.raw_prompt, ours.raw_prompt) == (ZED[layout][0], "")
    streamed = [part async for part in service.stream(raw(text, withhold=False))]
    assert isinstance(streamed[-1], Completion)
    assert streamed[-1].raw_prompt == ZED[layout][0]
    again = await service.complete(replace(parts, workspace=service.workspaces[0]))
    assert again.raw_prompt == ""  # though the answer may be remembered from the raw one


@pytest.mark.slow
async def test_any_other_prompt_has_drafts_and_the_whole_context(service, model):
    """From the workspace, and from itself: what stands in its beginning is drafted at its end."""
    unheard = "zebra_quotient = frobnicate(level, 17) + widget.spin()\n"
    text = unheard * 90
    completion = await answer(service, raw(text + "zebra_quo", max_tokens=16))

    assert completion.raw_prompt == AS_IT_IS
    assert completion.stats.prompt_tokens > 1400  # two thirds of 2,048, where 1,024 is usual
    assert completion.stats.accepted > 4
    assert completion.distribution == "model"
    assert completion.text == (await answer(service, raw(text + "zebra_quo", max_tokens=16))).text


@pytest.mark.slow
async def test_what_is_left_alone_is_answered_by_the_model_alone(service):
    text = ZED["qwen"][1]
    completion = await answer(service, raw(text, as_is=True, max_tokens=8))

    assert completion.raw_prompt == AS_IT_IS
    assert completion.text != (await answer(service, raw(text, max_tokens=8))).text


@pytest.mark.slow
async def test_text_that_ends_an_answer_in_a_layout_does(service, model, monkeypatch):
    layout = replace(model.layout.layout, end_texts=(Text("\n+++++ "),))
    generations = service._host.wait()._generations
    monkeypatch.setattr(
        generations, "_model", replace(model, layout=replace(model.layout, layout=layout))
    )
    monkeypatch.setattr(generations, "_decode", lambda ids: "x = 1\n+++++ b.py\ny"[: 2 * len(ids)])

    assert (await answer(service, CompletionRequest(prefix="# a\n"))).text == "x = 1"
