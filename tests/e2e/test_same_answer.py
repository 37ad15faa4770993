"""What is asked again is answered alike, whatever else was asked before and meanwhile."""

import argparse
import asyncio
import inspect
import random
import shutil
import textwrap
from pathlib import Path

import pytest

from completer.cli.assembly import build_model, build_service
from completer.place import local_place
from completer.request import Completion, CompletionRequest, Sampling
from completer.settings import ModelSettings, Settings

SOURCE = Path(inspect.getfile(argparse)).read_text(encoding="utf-8")


@pytest.fixture(params=["float32"])
def service(request, tmp_path):
    for module in (argparse, inspect, random, textwrap):
        shutil.copy(inspect.getfile(module), tmp_path)
    settings = Settings(
        model=ModelSettings(dtype=request.param),
        cache_folder=tmp_path / "cache",
        workspaces=(tmp_path,),
    )
    built = build_service(*build_model(settings), settings)
    # All files are read, not only indexed: definitions that come later change the prompt.
    assert built._repositories.open(local_place(tmp_path)).wait(300)
    yield built
    built.close()


def ask(folder: Path, caret: int, max_tokens: int = 16) -> CompletionRequest:
    return CompletionRequest(
        prefix=SOURCE[:caret], suffix=SOURCE[caret + 40 :], path=folder / "argparse.py",
        max_tokens=max_tokens, sampling=Sampling(temperature=1.0, seed=42), deadline_ms=60_000.0,
    )  # fmt: skip


@pytest.mark.slow
async def test_a_seed_gives_one_text(service, tmp_path):
    rng = random.Random(0)

    async def answer(request: CompletionRequest) -> str:
        completion: Completion = await service.complete(request)
        return completion.text

    def others(count: int) -> list[CompletionRequest]:
        places = (rng.randrange(500, len(SOURCE) - 500) for _ in range(count))
        return [ask(tmp_path, place, max_tokens=24) for place in places]

    for caret in (20_000, 41_111):
        same, texts = ask(tmp_path, caret), set()
        for at_once in (1, 1, 4, 8):
            asked = [*[same] * at_once, *others(3)]
            texts |= set((await asyncio.gather(*map(answer, asked)))[:at_once])
            service.accepted((await service.complete(others(1)[0])).id, SOURCE[caret : caret + 60])
        assert len(texts) == 1
