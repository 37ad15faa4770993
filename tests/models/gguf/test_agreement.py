"""The embedded model as GGUF, beside its safetensors and beside llama.cpp on the same file."""

import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from models.loading import load_model
from tests.gguf_files import tokens, write

pytestmark = pytest.mark.slow

TEXT = Path(__file__).read_text(encoding="utf-8")[:1000]
# how far distributions may be apart, in nats of KL divergence at the mean of positions
FROM_SAFETENSORS = {"f32": 1e-6, "bf16": 1e-6, "q8_0": 2e-3, "q4_0": 0.4}
# llama.cpp rounds states as well: to bfloat16, or to blocks of 8-bit integers
FROM_LLAMA_CPP = {"f32": 1e-5, "bf16": 3e-4, "q8_0": 4e-3, "q4_0": 4e-3}


@cache
def bundled():
    return load_model()


@cache
def ids():
    return bundled().tokenizer.backend_tokenizer.encode(TEXT).ids[:300]


def stored(kind, folder):
    """Write the embedded model, read it again, and return its logits."""
    path, loaded = folder / f"{kind}.gguf", load_model()
    tokenizer = loaded.tokenizer.backend_tokenizer
    said = tokens(tokenizer, "<|endoftext|>")
    rows = loaded.model.config.vocab_size
    missing = rows - len(said["tokenizer.ggml.tokens"])
    said["tokenizer.ggml.tokens"] += [f"[PAD{number}]" for number in range(missing)]
    said["tokenizer.ggml.token_type"] += [5] * missing
    said["completer.fim_layout"] = "completer-caret"
    write(path, loaded.own_code, said, kind)
    again = load_model(str(path), device="cpu")
    assert again.tokenizer.backend_tokenizer.encode(TEXT).ids[:300] == ids()
    assert again.layout == loaded.layout
    return logits(again.own_code)


def logits(model):
    with torch.no_grad():
        return model(torch.tensor([ids()])).logits[0]


def apart(one, other):
    one, other = one.log_softmax(-1), other.log_softmax(-1)
    return float((one.exp() * (one - other)).sum(-1).mean())


@pytest.mark.parametrize("kind", FROM_SAFETENSORS)
def test_it_says_what_the_safetensors_say(kind, tmp_path):
    assert apart(logits(bundled().own_code), stored(kind, tmp_path)) < FROM_SAFETENSORS[kind]


@pytest.mark.skipif(find_spec("llama_cpp") is None, reason="llama-cpp-python is not installed")
@pytest.mark.parametrize("kind", FROM_LLAMA_CPP)
def test_it_says_what_llama_cpp_says(kind, tmp_path):
    ours, out = stored(kind, tmp_path), tmp_path / "theirs.npy"
    script = Path(__file__).with_name("llama_cpp_logits.py")
    words = [str(number) for number in ids()]
    subprocess.run([sys.executable, script, tmp_path / f"{kind}.gguf", out, *words], check=True)

    assert apart(ours, torch.from_numpy(np.load(out))) < FROM_LLAMA_CPP[kind]
