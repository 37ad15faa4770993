"""The whole path in one process: a request goes in, a completion comes out, on a tiny model."""

import asyncio
import threading
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from completer.cli.assembly import build_engine, build_service, tokenizer_of
from completer.engine.cost import ASSUMED
from completer.engine.tuning import Tuning
from completer.errors import BadRequestError, WorkspaceError
from completer.interface import ServiceInfo
from completer.next_edit.edits import NextEditRequest
from completer.place import local_place
from completer.request import Arm, Completion, CompletionRequest, Sampling, TextDelta
from completer.serving import running_model
from completer.serving.measures import measures
from completer.serving.model_host import ModelHost
from completer.serving.running_model import RunningModel
from completer.serving.service import LocalService, Service
from completer.settings import Settings
from completer.workspaces.repositories import open_repositories
from completer.workspaces.repository import Repository
from models.errors import ModelError
from models.loading import LoadedModel, load_model
from tests.completer.http.live import eventually
from tests.tiny import save_tiny

NO_TUNING = Tuning("float32", 1, False, ASSUMED, ())


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> LoadedModel:
    return load_model(str(save_tiny("llama", tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.fixture
def service(model, tmp_path):
    service = build_service(model, NO_TUNING, settings(tmp_path))
    yield service
    service.close()


def settings(tmp_path: Path, **changes: Any) -> Settings:
    return Settings(cache_folder=tmp_path / "cache", engine={"kv_cache_mb": 8}, **changes)


def ask(prefix="def f(x):\n    return ", **options) -> CompletionRequest:
    return CompletionRequest(prefix=prefix, **{"max_tokens": 12, **options})


async def test_a_completion_names_its_model_and_costs(service, model):
    completion = await service.complete(ask(suffix="\n"))

    assert completion.model == model.name
    assert completion.distribution == "model"
    assert completion.finish_reason in ("stop", "length")
    assert completion.stats.prompt_tokens > len("def f(x):\n    return ")
    assert completion.stats.total_ms >= completion.stats.decode_ms > 0


async def test_a_prediction_makes_fewer_steps_and_the_same_text(service):
    plain = await service.complete(ask(max_tokens=40, raw=True))
    service.forget()
    predicted = await service.complete(ask(max_tokens=40, raw=True, prediction=plain.text))
    assert predicted.text == plain.text
    accepted = dict(predicted.stats.draft_sources).get("prediction", 0)
    assert 0 < accepted <= predicted.stats.predicted
    assert predicted.stats.steps < plain.stats.steps
    nearly = f"{plain.text[:9]}zz{plain.text[10:20]}{plain.text[24:]}"
    for prediction in (nearly, "something else"):
        service.forget()
        other = await service.complete(ask(max_tokens=40, raw=True, prediction=prediction))
        assert other.text == plain.text


async def test_the_same_request_again_reuses_the_prompt(service):
    first = await service.complete(ask())
    second = await service.complete(ask(max_tokens=13))

    assert second.stats.reused_tokens == first.stats.prompt_tokens - 1
    assert second.text.startswith(first.text)


async def test_typing_through_an_answer_needs_no_model(service):
    shown = await service.complete(ask())
    typed = await service.complete(ask("def f(x):\n    return " + shown.text[:2]))

    assert typed.text == shown.text[2:]
    assert typed.stats.cached
    assert typed.id != shown.id


async def test_an_answer_that_is_remembered_counts_the_same_prompt(service):
    first = await service.complete(ask())
    again = await service.complete(ask())

    assert again.stats.cached
    assert again.stats.prompt_tokens == first.stats.prompt_tokens > 0
    assert measures(again, 1.0)["prompt_tokens"] == 0


@pytest.mark.parametrize("raw", [False, True])
async def test_more_tokens_than_there_is_room_for_are_as_many_as_there_is(service, raw):
    limit = service.info().context_tokens
    completion = await service.complete(ask(max_tokens=20 * limit, raw=raw, deadline_ms=60_000.0))

    stats = completion.stats
    assert completion.finish_reason in ("length", "stop")
    if completion.finish_reason == "length":
        assert stats.prompt_tokens + stats.generated_tokens == limit
    assert stats.prompt_tokens + stats.generated_tokens <= limit


async def test_what_was_asked_can_be_forgotten(service):
    await service.complete(ask())
    service.forget()
    again = await service.complete(ask())

    assert again.stats.reused_tokens == 0
    assert not again.stats.cached


async def test_a_workspaces_own_settings_hold_for_its_requests_at_once(service, tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    elsewhere = tmp_path / "b"
    elsewhere.mkdir()
    service.open_workspace(tmp_path)
    service.open_workspace(elsewhere)

    async def generated(root):
        request = CompletionRequest(prefix="def f(x):\n    return ", workspace=root)
        return (await service.complete(request)).stats.generated_tokens

    assert await generated(tmp_path) > 3
    (tmp_path / ".completer.toml").write_text("[completion]\nmax_tokens = 3\n")
    assert await generated(tmp_path) == 3
    assert await generated(elsewhere) > 3


async def test_an_arm_changes_what_its_own_people_get(service):
    request = ask(max_tokens=None)
    short = Arm(name="e/short", given=(("completion.max_tokens", 3),))
    found = [await service.complete(replace(request, arm=arm)) for arm in (short, None)]
    assert found[0].stats.generated_tokens == 3 < found[1].stats.generated_tokens


async def test_an_arm_says_how_many_lines_a_text_has_and_whether_it_is_drafted(service, tmp_path):
    await asyncio.to_thread(indexed, service, tmp_path)
    request = ask("def f(x):\n    return x\n", path=tmp_path / "a.py", max_tokens=30)
    drafted = await service.complete(request)
    service.forget()
    undrafted = await service.complete(
        replace(request, arm=Arm(name="e/a", given=(("drafting.enabled", False),)))
    )
    assert drafted.stats.drafted > 0 == undrafted.stats.drafted
    assert undrafted.text == drafted.text
    polished = replace(request, polish=True, prefix="def f(x):\n    ")
    one_line = Arm(name="e/b", given=(("completion.multiline", "never"),))
    assert "\n" not in (await service.complete(replace(polished, arm=one_line))).text


async def test_answers_are_remembered_apart_by_arm(service):
    request = ask("y = ")
    await service.complete(request)
    arms = [Arm(name="e/a"), Arm(name="e/b")]
    cached = [
        (await service.complete(replace(request, arm=arm))).stats.cached for arm in arms + arms
    ]
    assert cached == [False, False, True, True]


async def test_an_arm_goes_before_a_workspaces_own_settings(service, tmp_path):
    (tmp_path / ".completer.toml").write_text("[completion]\nmax_tokens = 2\n")
    service.open_workspace(local_place(tmp_path))
    request = ask(path=tmp_path / "a.py", max_tokens=None)
    arm = Arm(name="e/a", given=(("completion.max_tokens", 5),))
    found = [await service.complete(replace(request, arm=each)) for each in (None, arm)]
    assert [each.stats.generated_tokens for each in found] == [2, 5]


def indexed(service, root):
    (root / "lib.py").write_text("def f(x):\n    return x\n\n" * 20)
    service.open_workspace(local_place(root))
    assert service.wait_until_indexed(local_place(root), 60)


async def test_where_completions_are_disabled_the_model_is_not_asked(service, tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / ".completer.toml").write_text('[completion]\ndisabled_in = ["*.py"]\n')
    service.open_workspace(tmp_path)
    for path, why in (("a.py", "disabled here: *.py"), (".env", ".env may hold secrets")):
        completion = await service.complete(ask(path=tmp_path / path, n=2))
        assert (completion.disabled, completion.finish_reason) == (why, "disabled")
        assert [choice.text for choice in completion.choices] == ["", ""]
        (streamed,) = [part async for part in service.stream(ask(path=tmp_path / path))]
        assert isinstance(streamed, Completion)
        assert streamed.disabled == why
    allowed = await service.complete(ask(path=tmp_path / "a.js"))
    assert (allowed.disabled, bool(allowed.choices[0].token_ids)) == ("", True)
    wished = await service.complete(ask(path=tmp_path / "a.js", disabled_in=("*.js",)))
    assert wished.disabled == "disabled here: *.js"


@pytest.mark.parametrize(
    ("prefix", "why"),
    [("x = 1  # and", "disabled here: scope:comment"), ("x = '# ", ""), ("x = 1", "")],
)
async def test_in_comments_nothing_is_completed_where_that_is_wished(service, prefix, why):
    wished = ask(prefix=prefix, path=None, language="python", disabled_in=("scope:comment",))
    assert (await service.complete(wished)).disabled == why


async def test_next_edits_need_no_model_and_go_where_completions_go(service, tmp_path):
    root = local_place(tmp_path)
    path = root / "app.py"
    before = NextEditRequest(path=path, text="size = 1\nprint(size)\n", offset=0)
    assert await service.next_edits(before) == ()
    service.open_workspace(root)
    service.document_changed(path, before.text)
    renamed = replace(before, text="width = 1\nprint(size)\n")
    (edit,) = await service.next_edits(renamed)
    assert (edit.start.line, edit.start.before, edit.old, edit.new) == (
        1,
        "print(",
        "size",
        "width",
    )
    assert await service.next_edits(replace(renamed, disabled_in=("language:python",))) == ()
    assert await service.next_edits(replace(renamed, may_use=frozenset())) == ()


async def test_users_without_a_workspace_share_nothing(service):
    await service.complete(ask(user="ann"))

    assert (await service.complete(ask(user="bob"))).stats.reused_tokens == 0


async def test_users_of_one_workspace_share_its_code_and_nothing_that_they_asked(service, tmp_path):
    service.open_workspace(tmp_path)
    await service.complete(ask(user="ann", workspace=tmp_path))

    other = await service.complete(ask(user="bob", workspace=tmp_path))
    assert other.stats.reused_tokens == 0
    assert not other.stats.cached


async def test_a_workspace_that_may_not_be_used_is_not_there(service, tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / ".completer.toml").write_text("[completion]\nmax_tokens = 3\n")
    service.open_workspace(tmp_path)

    async def generated(may_use):
        request = CompletionRequest(prefix="y = ", path=tmp_path / "a.py", may_use=may_use)
        return (await service.complete(request)).stats.generated_tokens

    assert await generated(frozenset({tmp_path.resolve()})) == 3
    assert await generated(frozenset()) > 3


async def test_streamed_pieces_add_up_to_the_completion(service):
    sampling = Sampling(temperature=1.0, seed=5)
    parts = [part async for part in service.stream(ask(sampling=sampling, stop=("q",)))]

    assert isinstance(parts[-1], Completion)
    assert all(isinstance(part, TextDelta) for part in parts[:-1])
    assert "".join(part.text for part in parts[:-1]) == parts[-1].text
    assert parts[-1].text == (await service.complete(ask(sampling=sampling, stop=("q",)))).text


async def test_several_alternatives_share_one_prompt_pass(service):
    request = ask("x" * 100, n=3, sampling=Sampling(temperature=1.0, seed=1))
    parts = [part async for part in service.stream(request)]
    completion = parts[-1]

    assert len(completion.choices) == 3
    assert len({choice.text for choice in completion.choices}) == 3
    for index, choice in enumerate(completion.choices):
        assert "".join(p.text for p in parts[:-1] if p.index == index) == choice.text


async def test_greedy_alternatives_differ_and_the_first_is_the_likeliest(service):
    request = ask("x" * 40)
    alone = await service.complete(request)
    service.forget()
    texts = [choice.text for choice in (await service.complete(replace(request, n=3))).choices]
    assert texts[0] == alone.text
    assert len(set(texts)) == 3
    streamed = [part async for part in service.stream(replace(request, n=3))]
    assert len({choice.text for choice in streamed[-1].choices}) == 3
    for index, choice in enumerate(streamed[-1].choices):
        assert "".join(p.text for p in streamed[:-1] if p.index == index) == choice.text


async def test_what_says_nothing_new_is_replaced(service, monkeypatch):
    """Of what is generated first, two become one when they are trimmed."""
    seen = []

    def trimmed(text, context):
        seen.append(text)
        return "same" if len(seen) < 3 else f"text {len(seen)}"

    monkeypatch.setattr(running_model, "postprocess", trimmed)
    completion = await service.complete(ask("x" * 40, n=3, polish=True, trigger="manual"))
    assert len({choice.text for choice in completion.choices}) == 3
    assert len(seen) == 4


async def test_cancelling_a_request_frees_the_engine(service):
    task = asyncio.create_task(service.complete(ask("y" * 50, max_tokens=60)))
    while service._host.now._engine.load == (0, 0):
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await becomes_idle(service)


async def test_closing_a_stream_frees_the_engine(service):
    stream = service.stream(ask("y" * 50, max_tokens=60))
    await anext(stream)
    await stream.aclose()
    await becomes_idle(service)


async def becomes_idle(service: LocalService) -> None:
    """A cancelled sequence is dropped before the next step."""
    deadline = time.monotonic() + 2
    while service._host.wait()._engine.load != (0, 0):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


@pytest.fixture
def decoding_ahead(model, tmp_path):
    service = build_service(
        model, NO_TUNING, settings(tmp_path, completion={"decode_ahead": True, "max_tokens": 60})
    )
    yield service
    service.close()


def ghost(prefix: str = "x = ") -> CompletionRequest:
    """A request for ghost text, which the tiny model has here."""
    return CompletionRequest(prefix=prefix, polish=True, max_tokens=20)


async def test_an_accepted_completion_finds_the_next_one_ready(decoding_ahead):
    shown = await decoding_ahead.complete(ghost())
    await asyncio.wait_for(decoding_ahead._host.now._ahead._task, 10)
    accepted = await decoding_ahead.complete(ghost("x = " + shown.text))

    assert accepted.stats.cached
    decoding_ahead.forget()
    alone = await decoding_ahead.complete(ghost("x = " + shown.text))
    assert not alone.stats.cached
    assert accepted.text == alone.text


async def test_what_is_decoded_ahead_gives_way_to_whoever_asks(decoding_ahead):
    await decoding_ahead.complete(ghost())
    ahead = decoding_ahead._host.now._ahead._task
    await decoding_ahead.complete(ask("another", user="bob"))
    assert ahead.cancelled()


async def test_plain_text_and_switched_off_nothing_is_foreseen(decoding_ahead, service):
    await decoding_ahead.complete(ask())
    await service.complete(ghost())
    assert decoding_ahead._host.now._ahead._task is service._host.now._ahead._task is None


async def test_a_deadline_gives_what_there_is(service):
    sampling = Sampling(temperature=1.0, seed=2)
    whole = await service.complete(ask(max_tokens=50, sampling=sampling))
    cut = await service.complete(ask(max_tokens=50, sampling=sampling, deadline_ms=4))

    assert cut.finish_reason == "deadline"
    assert whole.text.startswith(cut.text)
    assert len(cut.text) < len(whole.text)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 99}, {"max_tokens": 0}])
async def test_values_out_of_range_are_refused(service, wrong):
    with pytest.raises(BadRequestError):
        await service.complete(ask(**wrong))


@pytest.fixture
def indexing(monkeypatch):
    """Whether workspaces have been read; ghost text is held back for 0.3 s."""
    read = threading.Event()
    monkeypatch.setattr(Repository, "is_indexed", property(lambda repository: read.is_set()))
    monkeypatch.setattr("completer.serving.service.HELD_S", 0.3)
    return read


async def test_ghost_text_waits_until_the_workspace_was_read(service, tmp_path, indexing):
    service.open_workspace(tmp_path)
    asked = asyncio.create_task(service.complete(ask(path=tmp_path / "a.py", polish=True)))
    by_hand = ask(path=tmp_path / "a.py", polish=True, trigger="manual")
    assert not (await service.complete(by_hand)).indexed
    assert not asked.done()
    indexing.set()
    assert (await asked).indexed


async def test_it_does_not_wait_for_long_and_never_again(service, tmp_path, indexing):
    service.open_workspace(tmp_path)
    for within_s in (5.0, 0.25):
        asked = ask(path=tmp_path / "a.py", polish=True, max_tokens=1)
        completion = await asyncio.wait_for(service.complete(asked), within_s)
        assert not completion.indexed


async def test_a_workspace_that_is_not_open_is_refused(service, tmp_path):
    with pytest.raises(BadRequestError, match="not open"):
        await service.complete(ask(workspace=tmp_path))


def test_a_workspace_that_is_not_there_cannot_be_opened(service, tmp_path):
    with pytest.raises(WorkspaceError):
        service.open_workspace(tmp_path / "gone")


async def test_a_files_workspace_is_the_nearest_one_above_it(service, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    service.open_workspace(tmp_path)
    service.open_workspace(inner)
    await service.complete(ask(path=inner / "a.py"))

    shared = await service.complete(ask(workspace=inner))
    assert shared.stats.reused_tokens > 0
    assert (await service.complete(ask(workspace=tmp_path))).stats.reused_tokens == 0


async def test_a_request_from_nowhere_belongs_to_the_only_workspace(service, tmp_path):
    service.open_workspace(tmp_path)
    await service.complete(ask())
    assert (await service.complete(ask(workspace=tmp_path))).stats.reused_tokens > 0

    (tmp_path / "other").mkdir()
    service.open_workspace(tmp_path / "other")
    assert (await service.complete(ask())).stats.reused_tokens == 0


async def test_ghost_text_ends_with_its_line_and_plain_text_does_not(model, tmp_path):
    service = build_service(model, NO_TUNING, settings(tmp_path))
    texts = []
    for seed in range(20):
        request = ask(max_tokens=60, sampling=Sampling(temperature=1.5, seed=seed))
        polished = replace(request, polish=True, multiline=False)
        plain = await service.complete(request)
        ghost = await service.complete(polished)
        assert "\n" not in ghost.text.strip("\n")
        texts.append((plain.text, ghost.text))
    service.close()

    assert any("\n" in plain for plain, _ in texts)


RUNS_ON = "y.z" + (SUFFIX := " + 1\n    return x\n    y = 2\n    z = 3\n") + "and more"


@pytest.mark.parametrize("tokens", [3, 4, 6, 20, 60])
@pytest.mark.parametrize("polish", [True, False])
async def test_a_text_ends_where_it_meets_the_suffix_on_every_route(
    service, tokens, polish, monkeypatch
):
    """The model says what is missing, and then what stands behind the caret: a part of it."""
    scripted = lambda ids: RUNS_ON[: len(ids)]  # noqa: E731
    monkeypatch.setattr(service._host.wait()._generations, "_decode", scripted)
    greedy = Sampling(temperature=1.0, seed=1)
    request = ask("    x = ", suffix=SUFFIX, max_tokens=tokens, polish=polish, sampling=greedy)

    assert (await service.complete(request)).text == "y.z"
    parts = [part async for part in service.stream(request)]
    assert parts[-1].text == "".join(part.text for part in parts[:-1]) == "y.z"
    raw = replace(request, raw=True, polish=False)
    said = (await service.complete(raw)).text  # the model may end it by itself
    assert said == RUNS_ON[: len(said)]
    assert len(said) > 3 or tokens == 3


async def test_pure_says_exactly_what_the_model_says(model, tmp_path):
    pure = build_service(model, NO_TUNING, settings(tmp_path, pure=True))
    request = ask(max_tokens=30, suffix="\n")
    polished = replace(request, polish=True)

    assert (await pure.complete(polished)).text == (await pure.complete(request)).text
    pure.close()


async def test_lossy_exits_are_asked_for_and_labelled(model, tmp_path):
    lossy = settings(tmp_path, completion={"exit_mode": "lossy"})
    lean = replace(NO_TUNING, lean=True)
    answers = {}
    for name, tuning, each in (
        ("lossy", lean, lossy),
        ("no adapter", NO_TUNING, lossy),
        ("pure", lean, lossy.model_copy(update={"pure": True})),
    ):
        service = build_service(model, tuning, each)
        answers[name] = await service.complete(ask())
        service.close()

    assert answers["lossy"].exit_mode == "lossy"
    assert answers["lossy"].distribution == "early-exit"
    assert measures(answers["lossy"], 1.0)["exit_mode"] == "lossy"
    assert answers["lossy"].stats.self_speculation == "off: nothing is measured yet"
    assert "one by one" in answers["no adapter"].stats.self_speculation
    for name in ("no adapter", "pure"):
        assert answers[name].exit_mode == "lossless"
        assert answers[name].distribution == "model"
        assert answers[name].stats.skipped_layers == 0


class Hosted:
    """A service whose model loads when it may; each model that was loaded, while it is there."""

    def __init__(self, model, folder: Path, **options) -> None:
        self.may_load = threading.Event()
        self.loaded: list[weakref.ref[RunningModel]] = []
        self.error: Exception | None = None
        self._model, self._settings = model, settings(folder)
        self.service = Service(
            ModelHost(self._load, **options),
            open_repositories(self._settings, tokenizer_of(model)),
            ServiceInfo(model="m", device="auto", dtype="auto", context_tokens=0, workspaces=()),
        )

    def _load(self) -> RunningModel:
        assert self.may_load.wait(60)  # an index may compile first
        if self.error is not None:
            raise self.error
        engine = build_engine(self._model, NO_TUNING, self._settings)
        running = RunningModel(self._model, engine, self._settings)
        self.loaded.append(weakref.ref(running))
        return running


@pytest.fixture
def hosted(model, tmp_path):
    hosted = Hosted(model, tmp_path)
    yield hosted
    hosted.may_load.set()
    hosted.service.close()


async def test_workspaces_are_open_while_the_model_loads(hosted, tmp_path):
    service, other = hosted.service, tmp_path / "other"
    other.mkdir()
    task = asyncio.create_task(service.complete(ask(path=tmp_path / "a.py")))
    service.open_workspace(tmp_path)
    service.open_workspace(other)
    service.close_workspace(other)
    service.document_changed(tmp_path / "a.py", "x = 1\n")
    await asyncio.sleep(0.02)

    assert not task.done()
    assert service.workspaces == (tmp_path,)
    assert service.wait_until_indexed(tmp_path, 60)
    said = service.info()
    assert (said.state, said.model, said.workspaces) == ("loading", "m", (tmp_path,))
    assert said.memory_bytes.keys() == {"draft_indexes"}
    with pytest.raises(WorkspaceError):
        service.open_workspace(tmp_path / "gone")
    hosted.may_load.set()
    assert (await task).text
    assert service.info().state == "ready"
    assert service.info().memory_bytes["weights"] > 0


async def test_a_model_that_cannot_be_loaded_leaves_workspaces_alone(hosted, tmp_path):
    service = hosted.service
    service.open_workspace(tmp_path)
    hosted.error = ModelError("no such model")
    hosted.may_load.set()
    for _ in range(2):
        with pytest.raises(ModelError, match="no such model"):
            await service.complete(ask())
        with pytest.raises(ModelError, match="no such model"):
            await anext(service.stream(ask()))

    assert service.info().state == "failed"
    assert service.workspaces == (tmp_path,)
    service.document_changed(tmp_path / "a.py", "x = 1\n")
    service.accepted("cmpl-1", "x")
    service.forget()
    service.close_workspace(tmp_path)


async def test_an_idle_model_leaves_nothing_behind_but_workspaces(model, tmp_path):
    hosted = Hosted(model, tmp_path, idle_s=0.2)
    hosted.may_load.set()
    service = hosted.service
    service.open_workspace(tmp_path)
    first = await service.complete(ask(path=tmp_path / "a.py"))
    held = service.info().memory_bytes
    assert held["weights"] > 0
    await eventually(lambda: hosted.loaded[0]() is None, 10)
    said = service.info()

    assert said.state == "unloaded"
    assert said.device == "cpu"
    assert said.workspaces == (tmp_path,)
    assert [said.memory_bytes[part] for part in ("weights", "kv_pool", "result_cache")] == [0, 0, 0]
    again = await service.complete(ask(path=tmp_path / "a.py"))
    assert again.text == first.text
    assert again.id != first.id
    assert not again.stats.cached
    assert len(hosted.loaded) == 2
    service.close()
