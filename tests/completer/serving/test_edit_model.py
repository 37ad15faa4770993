"""Next edits by a model: what it is asked, when, and which of its answers are shown."""

from dataclasses import replace
from pathlib import Path

import pytest

from completer.cli.assembly import build_engine, tokenizer_of
from completer.engine.cost import ASSUMED
from completer.engine.tuning import Tuning
from completer.next_edit.edits import NextEditRequest
from completer.next_edit.history import difference
from completer.place import Place, local_place
from completer.request import Choice, Completion, DecodeStats
from completer.serving.edit_model import SHOWN_FROM, _written_at
from completer.serving.running_model import RunningModel
from completer.serving.service import LocalService
from completer.settings import Settings
from completer.workspaces.repositories import open_repositories
from models.edit_sweep import Sweep
from models.loading import load_model
from tests.tiny import save_tiny

BEFORE = "first = 1\nprint(first)\nsecond = 1\nprint(second)\n"
TEXT = BEFORE.replace("first = 1", "first = 2")
ANSWER = TEXT.replace("second = 1", "second = 2")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = save_tiny("llama", tmp_path_factory.mktemp("model"), context=2048)
    return replace(load_model(str(folder), device="cpu"), edit_format=Sweep())


@pytest.fixture
def service(model, tmp_path):
    settings = Settings(cache_folder=tmp_path / "cache", engine={"kv_cache_mb": 16})
    engine = build_engine(model, Tuning("float32", 1, False, ASSUMED, ()), settings)
    repositories = open_repositories(settings, tokenizer_of(model))
    service = LocalService(model, engine, settings, repositories)
    (tmp_path / "root").mkdir()
    service.open_workspace(local_place(tmp_path / "root"))
    yield service
    service.close()


@pytest.fixture
def request_(service, tmp_path):
    path = local_place(tmp_path / "root") / "a.py"
    service.document_changed(path, BEFORE)
    service.document_changed(path, TEXT)
    return NextEditRequest(path=path, text=TEXT, offset=TEXT.index("second"))


@pytest.fixture
def answers(monkeypatch):
    """Lets the model answer, and notes what it was asked."""
    asked = []

    def answers(model, text, sure=1.0, finish_reason="stop"):
        async def complete(self, request, repository):
            asked.append(request)
            ids = tuple(model.tokenizer.backend_tokenizer.encode(text).ids)
            choice = Choice(
                text=text,
                finish_reason=finish_reason,
                token_ids=ids,
                token_probabilities=tuple(
                    sure if text[n] != TEXT[min(n, len(TEXT) - 1)] else 1.0 for n in range(len(ids))
                ),
            )
            return Completion(id="", model="", choices=(choice,), stats=DecodeStats())

        monkeypatch.setattr(RunningModel, "complete", complete)
        return asked

    return answers


async def test_where_rules_find_nothing_the_model_is_asked(service, model, request_, answers):
    asked = answers(model, ANSWER)
    (edit,) = await service.next_edits(request_)
    assert (edit.start.line, edit.old, edit.new) == (2, "1", "2")
    assert edit.why == "written by the model"
    (question,) = asked
    assert question.prefix.endswith("<|file_sep|>updated/a.py\n")
    assert "a.py.diff\noriginal:\nfirst = 1\n" in question.prefix
    assert question.prediction == TEXT + "<|file_sep|>"
    assert (question.raw, question.as_is, question.stop) == (True, True, Sweep.ends)


async def test_what_rules_find_needs_no_model(service, model, request_, answers):
    asked = answers(model, ANSWER)
    renamed = replace(request_, text=TEXT.replace("first =", "one ="))
    (edit,) = await service.next_edits(renamed)
    assert (edit.why, asked) == ("renamed", [])


@pytest.mark.parametrize(
    ("answer", "sure", "finish_reason"),
    [
        (ANSWER, SHOWN_FROM - 0.5, "stop"),
        (ANSWER, 1.0, "length"),
        (TEXT, 1.0, "stop"),
        (TEXT.replace("second = 1", "second = = 1"), 1.0, "stop"),
    ],
    ids=["unsure", "unfinished", "the same", "does not parse"],
)
async def test_nothing_is_shown_that_is_not_good(
    service, model, request_, answers, answer, sure, finish_reason
):
    answers(model, answer, sure, finish_reason)
    assert await service.next_edits(request_) == ()


async def test_asked_for_by_hand_it_comes_however_sure_the_model_is(
    service, model, request_, answers
):
    answers(model, ANSWER, 0.1)
    (edit,) = await service.next_edits(replace(request_, trigger="manual"))
    assert edit.new == "2"


@pytest.mark.parametrize(
    "text",
    [
        "'<|file_sep|>'\n",
        'KEY = "ghp_0123456789abcdefghijABCDEFGHIJ012345"\n',
        "x = 1; " * 2_000,
        "x = 1\r\n",
    ],
    ids=["marks", "a secret", "too long", "line ends"],
)
async def test_what_cannot_be_asked_is_not(service, model, request_, answers, text):
    asked = answers(model, ANSWER)
    manual = replace(request_, text=text, offset=0, history=(), trigger="manual")
    assert await service.next_edits(manual) == ()
    assert asked == []


async def test_without_an_edit_before_nothing_is_asked_but_by_hand(
    service, model, request_, answers
):
    asked = answers(model, ANSWER)
    unedited = replace(request_, history=())
    assert await service.next_edits(unedited) == ()
    assert asked == []
    assert await service.next_edits(replace(unedited, trigger="manual")) != ()


async def test_a_real_model_is_asked_and_its_tokens_probabilities_come_back(
    service, request_, monkeypatch
):
    found = []
    complete = RunningModel.complete

    async def noted(self, request, repository):
        found.append(await complete(self, request, repository))
        return found[-1]

    monkeypatch.setattr(RunningModel, "complete", noted)
    await service.next_edits(request_)
    (completion,) = found
    choice = completion.choices[0]
    assert len(choice.token_probabilities) >= len(choice.token_ids) > 0
    assert all(0 < each <= 1 for each in choice.token_probabilities)
    assert completion.stats.predicted > 0


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (ANSWER, ANSWER.index("2\nprint(second)")),
        (f"```a.py\n{ANSWER[:-1]}", 8 + ANSWER.index("2\nprint(second)")),
        ("second = 2\n", 9),
    ],
    ids=["the region", "within an excerpt", "a part of it"],
)
def test_what_is_changed_is_found_in_the_answer(answer, place):
    changed = difference(TEXT, ANSWER, Place(Path("/a.py")))
    assert changed is not None
    assert _written_at(answer, ANSWER, changed) == (place, place + 1)
