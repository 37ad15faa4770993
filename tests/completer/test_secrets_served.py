"""No secret comes back from the whole service, whose model says what the workspace says."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from completer.cli.assembly import build_service
from completer.context.surroundings import Surroundings
from completer.next_edit.history import EditHistory
from completer.place import local_place
from completer.request import Completion, CompletionRequest, Snippet, TextDelta
from completer.serving.service import LocalService
from models.loading import LoadedModel, load_model
from tests.canaries import Canary, canaries
from tests.completer.evaluation.reachable import holders
from tests.completer.serving.test_service import NO_TUNING, settings
from tests.completer.test_drafting_served import TAKEN_IN_S
from tests.tiny import save_tiny

pytestmark = pytest.mark.slow
CODE = "".join(f"def function_{n}(key):\n    return {n}\n" for n in range(20))
CANARIES = canaries()
EDITORS_OWN = (EditHistory,)
"""What has open documents as their editor has them: next edits are edits of that very text."""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> LoadedModel:
    return load_model(str(save_tiny("llama", tmp_path_factory.mktemp("model"))), device="cpu")


@contextmanager
def serving(model: LoadedModel, root: Path, **changes) -> Iterator[LocalService]:
    """A service in which the repository has nearly all of the say."""
    mixing = settings(root / "cache", completion={"repository_weight": 1.0}, **changes)
    service = build_service(model, NO_TUNING, mixing)
    try:
        service.open_workspace(local_place(root))
        assert service._repositories.open(local_place(root)).wait(120)
        yield service
    finally:
        service.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "other.py").write_text(CODE)
    return tmp_path


def marked(canary: Canary, source: str | None = None) -> str:
    """A canary where its name leads to it."""
    return f"# {canary.kind}\n{canary.source if source is None else source}"


def request_for(canary: Canary, root: Path, **changes) -> CompletionRequest:
    """Ask for what follows the words that stood before a canary."""
    begin = canary.source.index(canary.secrets[0])
    prefix = marked(canary, canary.source[:begin])
    request = CompletionRequest(prefix=prefix, suffix="\n", path=root / "new.py", max_tokens=16)
    return replace(request, **changes)


async def answer(service: LocalService, request: CompletionRequest) -> tuple[str, str]:
    """All that a service says to a request: its prompt, and its answers in either way."""
    prompts: list[str] = []
    running = service._host.wait()
    submit, decode = running._engine.submit, running._model.tokenizer.backend_tokenizer.decode

    def spied(generation, **options):
        prompts.append(decode(generation.prompt))
        return submit(generation, **options)

    running._engine.submit = spied  # type: ignore[method-assign, assignment]
    whole = [await service.complete(request), await service.complete(request)]
    parts = [part async for part in service.stream(request)]
    running._engine.submit = submit  # type: ignore[method-assign]
    said = [each.text for each in whole]
    said += ["".join(part.text for part in parts if isinstance(part, TextDelta))]
    said += [part.text for part in parts if isinstance(part, Completion)]
    assert len(said) == 4
    return "".join(prompts), "\n".join(said)


async def leaks(service: LocalService, root: Path, **changes) -> list[str]:
    """The kinds of which something is found in prompts, answers, or what is kept."""
    leaked = []
    for canary in CANARIES:
        said = await answer(service, request_for(canary, root, **changes))
        leaked += [canary.kind for text in said if canary.leaked(text)]
    secrets = {secret[:12] for canary in CANARIES for secret in canary.secrets}
    running = service._host.wait()
    kept = [service._repositories, running._engine, running._generations]
    tokenizer = running._model.tokenizer.backend_tokenizer
    return leaked + holders(kept, secrets, tokenizer, apart=EDITORS_OWN)


PLACES: dict[str, Callable[[Canary], str]] = {
    "alone, without a last line end": marked,
    "first lines": lambda canary: marked(canary) + "\n" + CODE,
    "behind 16 KB": lambda canary: CODE * 24 + marked(canary) + "\n",
    "long line": lambda canary: "x = 1; " * 600 + marked(canary).replace("\n", "\\n") + "; y" * 9,
    "comments": lambda canary: "".join(f"# {line}\n" for line in marked(canary).split("\n")),
    "CRLF": lambda canary: f"{CODE}{marked(canary)}\n{CODE}".replace("\n", "\r\n"),
}


async def test_where_secrets_are_kept_they_come_back(model, root):
    """The test would find it if they did."""
    for number, canary in enumerate(CANARIES):
        (root / f"file_{number}.py").write_text(f"{marked(canary)}\n" * 4)
    with serving(model, root, secrets="keep") as service:
        leaked = await leaks(service, root)

    assert len(set(leaked) & {canary.kind for canary in CANARIES}) > len(CANARIES) * 0.8, leaked
    assert {"SuffixArray", "ndarray"} & set(leaked)


@pytest.mark.parametrize("place", PLACES)
async def test_none_comes_back_from_files(model, root, place):
    for number, canary in enumerate(CANARIES):
        (root / f"file_{number}.py").write_bytes(PLACES[place](canary).encode())
    with serving(model, root) as service:
        assert not await leaks(service, root)
        files = len(service._repositories.open(local_place(root))._index.drafter.corpus)
    assert files > len(CANARIES) / 2  # a file that begins with a private key is not read at all


async def test_none_comes_back_from_what_is_not_saved(model, root):
    with serving(model, root) as service:
        for number, canary in enumerate(CANARIES):
            text = f"{CODE}{marked(canary)}\n"
            service.document_changed(root / f"open_{number}.py", text.replace("\n", "\r\n"))
        await asyncio.sleep(TAKEN_IN_S)
        assert not await leaks(service, root)


async def test_none_comes_back_from_what_was_accepted(model, root):
    with serving(model, root) as service:
        for canary in CANARIES:
            completion = await service.complete(CompletionRequest(prefix="x = ", max_tokens=1))
            service.accepted(completion.id, f"{marked(canary)}\n")
        assert not await leaks(service, root)


async def test_none_comes_back_from_the_document_itself(model, root):
    with serving(model, root) as service:
        for canary in CANARIES:
            asked = request_for(canary, root)
            before = replace(asked, prefix=f"{marked(canary)}\n\n{asked.prefix}")
            after = replace(asked, suffix=f"\n\n{marked(canary)}\n")
            snippet = Snippet(path="a.py", text=marked(canary))
            raw = replace(before, raw=True)
            for request in (before, after, replace(asked, snippets=(snippet,)), raw):
                prompt, said = await answer(service, request)
                assert not canary.leaked(prompt)
                assert not canary.leaked(said)
        running = service._host.wait()
        kept = [service._repositories, running._engine, running._generations.prompts]
        secrets = {secret[:12] for canary in CANARIES for secret in canary.secrets}
        assert not holders(kept, secrets, model.tokenizer.backend_tokenizer, apart=EDITORS_OWN)


async def test_an_answer_that_becomes_a_secret_is_not_given_and_says_why(model, root, monkeypatch):
    """Whatever it comes from: here the model is taken at the word of a workspace that keeps all."""
    canary = next(each for each in CANARIES if each.kind == "GitHub personal token")
    (root / "file.py").write_text(f"{marked(canary)}\n" * 3)
    monkeypatch.setattr("completer.context.workspace.without_secrets", lambda text: text)
    with serving(model, root) as service:
        request = request_for(canary, root, max_tokens=60)
        completion = await service.complete(request)
        _, said = await answer(service, request)

    assert completion.text == ""
    assert completion.finish_reason == "secret"
    assert completion.choices[0].token_ids == ()
    assert said.strip() == ""


async def test_no_secret_is_in_what_is_retrieved(model, root):
    """Definitions keep their default values, similar code is a piece of a file."""
    password = next(each for each in CANARIES if each.kind == "Password").secrets[0]
    line = f'def connect(host, password="{password}"):\n    return host\n'
    (root / "saved.py").write_text(line)
    with serving(model, root) as service:
        service.document_changed(root / "open.py", line.replace("connect", "log_in") * 3)
        await asyncio.sleep(TAKEN_IN_S)
        request = CompletionRequest(
            prefix="from saved import connect\n\nlog_in(host, password)\nconnect(",
            path=root / "a.py",
            language="python",
        )
        snippets = service._repositories.open(local_place(root)).snippets(
            Surroundings.of(request.prefix, request.suffix, request.language), request.path, 200
        )

    assert "connect" in str(snippets)
    assert password not in str(snippets)
