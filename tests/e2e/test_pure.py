"""Strict mode: greedy tokens are exactly those of transformers' `generate` on the same weights."""

import argparse
import inspect
import random
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from completer.cli.assembly import build_model, build_service
from completer.request import CompletionRequest
from completer.settings import Settings
from models.source import BUNDLED_FOLDER

PROMPTS = 60
MAX_TOKENS = 24


def places(count: int) -> list[CompletionRequest]:
    """Carets all over a real file, in lines and between them."""
    source = Path(inspect.getfile(argparse)).read_text(encoding="utf-8")
    rng = random.Random(0)
    carets = [rng.randrange(200, len(source) - 200) for _ in range(count)]
    return [
        CompletionRequest(
            prefix=source[max(0, caret - 700) : caret],
            suffix=source[caret : caret + 200],
            max_tokens=MAX_TOKENS,
            polish=True,  # strict mode has to switch it off
        )
        for caret in carets
    ]


@pytest.mark.slow
async def test_pure_greedy_tokens_equal_generate(tmp_path):
    settings = Settings(pure=True, cache_folder=tmp_path)
    model, tuning = build_model(settings)
    service = build_service(model, tuning, settings)
    plain = AutoModelForCausalLM.from_pretrained(BUNDLED_FOLDER, dtype=torch.float32)
    ended = 0
    for request in places(PROMPTS):
        ours = (await service.complete(request)).choices[0]
        prompt = torch.tensor([service._host.now._generations.prompts.build(request).ids])
        generated = plain.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=MAX_TOKENS,
            do_sample=False,
            eos_token_id=sorted(model.layout.stop_ids),
            pad_token_id=0,
        )[0, prompt.shape[1] :].tolist()
        theirs = [token for token in generated if token not in model.layout.stop_ids]

        assert list(ours.token_ids) == theirs
        ended += ours.finish_reason == "stop"
    service.close()
    assert ended < PROMPTS  # most of them ran to the limit: there was something to compare
