"""Damaged, truncated and lying files: each is refused in one line that says what to do."""

import random
import struct
import time
from contextlib import suppress

import pytest

from models.errors import ModelError
from models.loading import load_model
from models.source import check_source
from tests.gguf_files import save_gguf

SAID = {
    "layers that it does not have": ({"llama.block_count": 3}, "claims 3 layers and has 2"),
    "absurdly many layers": ({"llama.block_count": 2**31}, "claims 2147483648 layers"),
    "another width": ({"llama.embedding_length": 64}, "states are 64 wide"),
    "heads that do not divide": ({"llama.attention.head_count_kv": 3}, "4 heads with 3 for keys"),
    "no heads": ({"llama.attention.head_count": 0}, "0 heads"),
    "no context": ({"llama.context_length": None}, "lacks llama.context_length"),
    "a number as text": ({"llama.context_length": "long"}, "context_length is no int"),
    "a smaller vocabulary": ({"tokenizer.ggml.tokens": ["a", "b"]}, "has 2 tokens"),
    "no vocabulary": ({"tokenizer.ggml.tokens": None}, "has 0 tokens"),
    "types of other tokens": ({"tokenizer.ggml.token_type": [1]}, "1 of 260 tokens have a type"),
    "an end that is no token": ({"tokenizer.ggml.eos_token_id": 999}, "eos token is 999 of 260"),
    "an unknown architecture": ({"general.architecture": "mamba"}, "'mamba', which is not read"),
    "positions scaled in another way": ({"llama.rope.scaling.type": "su"}, "not read (su)"),
    "positions in a part of a head": ({"llama.rope.dimension_count": 4}, "turns or scales"),
    "a base that is no number": ({"llama.rope.freq_base": float("nan")}, "freq_base is nan"),
    "an absurd context": ({"llama.context_length": 2**31}, "a context of 2147483648 tokens"),
    "one part of several": ({"split.count": 2}, "one of several parts"),
    "an odd alignment": ({"general.alignment": 7}, "alignment of 7"),
    "marks of another family": ({"tokenizer.ggml.fim_pre_token_id": 5}, "says that its marks"),
    "an unknown layout": ({"completer.fim_layout": "upside-down"}, "no FIM layout named"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "good.gguf"
    save_gguf("llama", path)
    return path.read_bytes()


def changed(data, at, layout, value):
    packed = struct.pack(layout, value)
    return data[:at] + packed + data[at + len(packed) :]


def tensor_at(data, name):
    """Where what is said of a tensor begins: its number of dimensions."""
    return data.index(name, data.index(b"tokenizer.ggml.eos")) + len(name)


def widths(data, value):
    return changed(data, tensor_at(data, b"blk.0.ffn_up.weight") + 4, "<Q", value)


def kind(data, value):
    return changed(data, tensor_at(data, b"blk.0.ffn_up.weight") + 20, "<I", value)


def offset(data, value):
    return changed(data, tensor_at(data, b"blk.0.ffn_up.weight") + 24, "<Q", value)


BYTES = {
    "nothing": (lambda data: b"", "shorter than a header"),
    "another magic": (lambda data: b"GGML" + data[4:], "does not begin with GGUF"),
    "an LFS pointer": (lambda data: b"version https://git-lfs.github.com/spec/v1\n", "begin"),
    "an unknown version": (lambda data: changed(data, 4, "<I", 9), "version 9"),
    "another byte order": (lambda data: changed(data, 4, ">I", 3), "byte order"),
    "a header that is cut": (lambda data: data[: len(data) // 40], "than it can hold|its header"),
    "weights that are cut": (lambda data: data[:-1000], "are missing: it was cut off"),
    "absurdly many tensors": (lambda data: changed(data, 8, "<Q", 2**60), "claims 11529215"),
    "absurdly many keys": (lambda data: changed(data, 16, "<Q", 2**50), "claims 11258999"),
    "an absurdly long name": (lambda data: changed(data, 24, "<Q", 2**62), "within its header"),
    "a key twice": (
        lambda data: data.replace(b"llama.rope.freq_base", b"llama.context_length"),
        "'llama.context_length' is there twice",
    ),
    "shapes that do not fit": (lambda data: widths(data, 16), "must be"),
    "absurd shapes": (lambda data: widths(data, 2**50), "cannot be"),
    "no rows at all": (lambda data: widths(data, 0), "cannot be"),
    "an unknown type": (lambda data: kind(data, 77), "type 77, which is not read"),
    "blocks that do not divide": (lambda data: kind(data, 12), "of type Q4_K cannot be"),
    "an offset beyond the end": (lambda data: offset(data, 2**40), "are missing"),
    "an offset over another tensor": (lambda data: offset(data, 0), "lies over another"),
    "many dimensions": (
        lambda data: changed(data, tensor_at(data, b"blk.0.ffn_up.weight"), "<I", 2**30),
        "1073741824 dimensions",
    ),
    "a tensor's name that is none": (
        lambda data: data.replace(b"blk.0.ffn_up.weight", b"blk.0.ffn_\xff\xff.weight"),
        "no UTF-8",
    ),
}  # fmt: skip


def refused(path):
    started = time.monotonic()
    with pytest.raises(ModelError) as error:
        load_model(check_source(str(path)), device="cpu")
    assert time.monotonic() - started < 5
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value) or "layout" in str(error.value)
    assert error.value.hint
    return str(error.value)


@pytest.mark.parametrize("name", BYTES)
def test_damaged_bytes_are_told_in_one_line(name, good, tmp_path):
    damage, said = BYTES[name]
    path = tmp_path / "bad.gguf"
    path.write_bytes(damage(good))

    message = refused(path)

    assert any(each in message for each in said.split("|")), message


@pytest.mark.parametrize("name", SAID)
def test_metadata_that_lie_are_told_in_one_line(name, tmp_path):
    values, said = SAID[name]
    path = tmp_path / "bad.gguf"
    save_gguf("llama", path, said=values)

    message = refused(path)

    assert said in message, message


def test_a_file_that_cannot_be_read_is_told(good, tmp_path, monkeypatch):
    path = tmp_path / "m.gguf"
    path.write_bytes(good)
    monkeypatch.setattr("mmap.mmap", lambda *_, **__: (_ for _ in ()).throw(OSError(5, "I/O")))

    assert "cannot be read: I/O" in refused(path)


@pytest.mark.parametrize("seed", range(100))
def test_whatever_is_damaged_in_a_header_is_refused_or_changes_no_sizes(seed, good, tmp_path):
    draw = random.Random(seed)
    data = bytearray(good)
    for _ in range(draw.randint(1, 6)):
        data[draw.randrange(len(data) // 8)] = draw.choice((0, 255, draw.randrange(256)))
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)

    with suppress(ModelError):
        assert load_model(str(path), device="cpu").model.config.hidden_size == 32
