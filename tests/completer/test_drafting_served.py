"""Drafts in the whole service: what stands in an unsaved document is drafted from at once."""

import asyncio

import pytest
import torch

from completer.cli.assembly import build_service
from completer.request import CompletionRequest
from models.loading import LoadedModel, load_model
from tests.completer.serving.test_service import NO_TUNING, settings
from tests.tiny import FAMILIES, byte_tokenizer, tiny_model

pytestmark = pytest.mark.slow
LINE = "zebra_quotient = frobnicate(level, 17) + widget.spin()"
START = "zebra_quo"
TAKEN_IN_S = 1.5  # open documents are taken in when nothing was typed for a while


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> LoadedModel:
    """A tiny model that knows one line by heart, whatever stands before it."""
    folder = tmp_path_factory.mktemp("parrot")
    kind = FAMILIES["llama"]
    tokenizer = byte_tokenizer(kind.marks, kind.end)
    parrot = tiny_model(
        "llama", len(tokenizer), hidden_size=64, intermediate_size=128, fim_layout=kind.layout
    )
    teach(parrot.train().requires_grad_(True), tokenizer(LINE + "\n").input_ids)
    parrot.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load_model(str(folder), device="cpu")


def teach(parrot, line: list[int]) -> None:
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(parrot.parameters(), weight_decay=0)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=300)
    for _ in range(300):
        before = torch.randint(0, 256, (16, 24), generator=generator)
        ids = torch.cat([before, torch.tensor([line] * 16)], dim=1)
        labels = ids.clone()
        labels[:, : 24 + 4] = -100
        parrot(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        rates.step()
        optimizer.zero_grad()


@pytest.fixture
def service(model, tmp_path):
    service = build_service(model, NO_TUNING, settings(tmp_path))
    service.open_workspace(tmp_path)
    service._repositories.open(tmp_path).wait(120)
    yield service
    service.close()


def request(path, **changes) -> CompletionRequest:
    prefix = "import os\n\n" + START
    return CompletionRequest(prefix=prefix, suffix="\n", path=path, multiline=False, **changes)


async def test_a_line_of_another_unsaved_document_is_drafted(service, tmp_path):
    service.document_changed(tmp_path / "b.py", f"# only here\n{LINE}\n")
    await asyncio.sleep(TAKEN_IN_S)
    drafted = await service.complete(request(tmp_path / "a.py", polish=True))

    assert drafted.text == LINE.removeprefix(START)
    assert drafted.stats.accepted >= 8
    assert drafted.stats.draft_sources[0][0] == "live"
    assert drafted.stats.steps < drafted.stats.generated_tokens / 2


async def test_a_closed_document_that_was_never_saved_is_forgotten(service, tmp_path):
    path = tmp_path / "b.py"
    service.document_changed(path, f"{LINE}\n")
    await asyncio.sleep(TAKEN_IN_S)
    service.document_changed(path, None)
    await asyncio.sleep(TAKEN_IN_S)
    completion = await service.complete(request(tmp_path / "a.py", polish=True))

    assert completion.text == LINE.removeprefix(START)
    assert dict(completion.stats.draft_sources).get("live", 0) < 8


async def test_an_accepted_completion_is_drafted_from(service, tmp_path):
    completion = await service.complete(request(tmp_path / "a.py"))
    service.accepted(completion.id, LINE)
    drafted = await service.complete(request(tmp_path / "c.py"))

    assert dict(drafted.stats.draft_sources)["live"] >= 8
    assert drafted.text == completion.text


async def test_the_repositorys_own_distribution_is_asked_for_and_said(model, tmp_path):
    mixing = settings(tmp_path, completion={"repository_weight": 0.9})
    service = build_service(model, NO_TUNING, mixing)
    service._repositories.open(tmp_path).wait(120)
    service.document_changed(tmp_path / "b.py", "import os\n\nzebra_quota = 1\n" * 20)
    await asyncio.sleep(TAKEN_IN_S)
    mixed = await service.complete(request(tmp_path / "a.py", polish=True))
    service.close()
    pure = build_service(model, NO_TUNING, mixing.model_copy(update={"pure": True}))
    pure.open_workspace(tmp_path)
    plain = await pure.complete(request(tmp_path / "a.py"))
    pure.close()

    assert mixed.distribution == "model+repository"
    assert mixed.text == "ta = 1"
    assert plain.distribution == "model"
    assert plain.text.startswith(LINE.removeprefix(START))
