"""Nothing holds the answer: random names in what is masked are found nowhere in the service."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from completer.cli.assembly import build_engine, build_service
from completer.context.prompt import Prompt
from completer.context.surroundings import Surroundings
from completer.context.workspace import WorkspaceOptions
from completer.engine.cost import ASSUMED
from completer.engine.tuning import Tuning
from completer.evaluation.holdout import Sample, draw_sample
from completer.evaluation.isolation import IsolatedService
from completer.evaluation.kinds import Kind
from completer.evaluation.run import answers, request_for
from completer.evaluation.spans import Span
from completer.settings import Settings
from completer.workspaces.repository import Repository
from models.loading import LoadedModel, load_model
from tests.completer.evaluation.reachable import holders
from tests.tiny import save_tiny

NO_TUNING = Tuning("float32", 1, False, ASSUMED, ())
PLANTED = re.compile(r"hidden_[0-9a-f]{12}")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> LoadedModel:
    return load_model(str(save_tiny("llama", tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """Spans of the one file that has secrets, on each of its lines, and that was copied."""
    planted = "\n\n".join(_function() for _ in range(12))
    for name in ("module.py", "copy.py", "notes.txt"):
        (tmp_path / name).write_text(planted, encoding="utf-8")
    _install(tmp_path / ".venv", planted)
    (tmp_path / "other.py").write_text(
        "import module\n\n\ndef known(source):\n    return source\n", encoding="utf-8"
    )
    return draw_sample(tmp_path, dict.fromkeys(Kind, 4), seed=0)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        cache_folder=tmp_path / "cache",
        completion={"max_tokens": 8},
        drafting={"with_dependencies": True},
        engine={"kv_cache_mb": 8},
    )


def isolated(model, settings, workspaces) -> IsolatedService:
    engine = build_engine(model, NO_TUNING, settings)
    return IsolatedService(model, engine, settings, workspaces)


@pytest.fixture
def service(model, sample, settings) -> Iterator[IsolatedService]:
    with isolated(model, settings, {sample.root: sample.options}) as service:
        yield service


def _install(environment: Path, text: str) -> None:
    """Put a package into a virtual environment, as one has its own code installed."""
    packages = environment / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (environment / "pyvenv.cfg").touch()
    (packages / "module.py").write_text(text, encoding="utf-8")


def _function() -> str:
    names = [f"hidden_{secrets.token_hex(6)}" for _ in range(4)]
    return (
        f"def {names[0]}(source, {names[1]}):\n"
        f"    {names[2]} = source.fetch({names[1]})\n"
        f'    return known({names[2]}, "{names[3]}")'
    )


def found(where: object, model: LoadedModel, texts: set[str]) -> list[str]:
    return holders(where, texts, model.tokenizer.backend_tokenizer)


def only_in(span: Span) -> set[str]:
    """The names that a span masks and the rest of its file does not say."""
    return {
        name
        for name in PLANTED.findall(span.truth)
        if name not in span.prefix and name not in span.suffix
    }


async def test_a_masked_name_is_found_nowhere(service, model, sample, monkeypatch):
    """Neither while its span is asked for, the prompt being built, nor when that is over."""
    asked: list[Span] = []
    start_drafting = Repository.drafts

    def drafts(repository, request, prompt):
        session = start_drafting(repository, request, prompt)
        text = model.tokenizer.backend_tokenizer.decode(prompt.ids)
        assert request.prefix[-40:] in text
        assert not [name for name in only_in(asked[-1]) if name in text]
        assert not found([service, session, prompt], model, only_in(asked[-1]))
        return session

    monkeypatch.setattr(Repository, "drafts", drafts)
    for span in sample.spans:
        asked.append(span)
        await service.complete(request_for(span, sample.root))

    assert len(asked) == 20
    assert sum(bool(only_in(span)) for span in asked) >= 8
    everything = set(PLANTED.findall(asked[0].source.text))
    assert len(everything) == 48
    assert not found(service, model, everything)


async def test_the_search_finds_what_is_there(model, sample, settings):
    """The same search in a service that read the files, and while a request is under way."""
    planted = set(PLANTED.findall(sample.spans[0].source.text))
    with isolated(model, settings, {sample.root: WorkspaceOptions()}) as service:
        assert found(service, model, planted)
        repository = service.repositories.open(sample.root)
        ids = model.tokenizer.backend_tokenizer.encode("a = hidden_0123456789ab").ids
        assert not found(service, model, {"hidden_0123456789ab"})
        prompt = Prompt(ids=ids, prefix_ids=ids, suffix_ids=[])
        session = Repository.drafts(repository, request_for(sample.spans[0], sample.root), prompt)
        assert "LiveText" in found([service, session], model, {"hidden_0123456789ab"})
        session.stop()
        service._service._host.now._engine._pool.extend(0, ids, 0)
        assert "Slot" in found(service, model, {"hidden_0123456789ab"})


def test_what_an_ordinary_session_left_on_disk_is_not_used(model, sample, settings):
    ordinary = build_service(model, NO_TUNING, settings)
    ordinary.open_workspace(sample.root)
    ordinary._repositories.open(sample.root).wait(10)
    ordinary.close()

    planted = set(PLANTED.findall(sample.spans[0].source.text))
    with isolated(model, settings, {sample.root: sample.options}) as service:
        assert not found(service, model, planted)


async def test_no_request_finds_anything_of_another(service, sample):
    request = request_for(sample.spans[0], sample.root)
    first, second = await service.complete(request), await service.complete(request)

    assert second.stats.reused_tokens == first.stats.reused_tokens == 0
    assert not second.stats.cached
    assert second.text == first.text


async def test_the_rest_of_the_repository_is_used(service, sample):
    repository = service.repositories.open(sample.root)
    request = request_for(sample.spans[0], sample.root)
    request = replace(request, prefix="import other\n\nx = other.known(")

    assert [
        snippet.path
        for snippet in repository.snippets(
            Surroundings.of(request.prefix, request.suffix, request.language), request.path, 200
        )
    ] == ["other.py"]


async def test_answers_are_the_same_each_time(model, sample, settings):
    texts = []
    for _ in range(2):
        with isolated(model, settings, {sample.root: sample.options}) as service:
            found = [a async for a in answers(service.complete, sample.root, sample.spans)]
        texts.append([answer.text for answer in found])

    assert texts[0] == texts[1]
    assert any(texts[0])
