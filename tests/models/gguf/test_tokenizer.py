"""Tokenizers from GGUF files: bytes or SentencePiece, text split as each family's is."""

import pytest
from tokenizers import Tokenizer, models
from transformers import LlamaConfig

from models.decoder import BareDecoder
from models.errors import ModelError
from models.gguf.container import read_gguf
from models.gguf.tokenizer import SPLITS, tokenizer_of
from models.loading import load_model
from models.source import check_source
from tests.gguf_files import save_gguf
from tests.tiny import FAMILIES, Family

KEY = "tokenizer.ggml."
TEXT = "def f(x1234, y):\n\n    return x1234['a'] + 5  # 漢字 naïve\n\tend\r\n"


def read(path, family="llama", **said):
    save_gguf(family, path / "m.gguf", said={f"{KEY}{name}": each for name, each in said.items()})
    return tokenizer_of(read_gguf(path / "m.gguf"))


@pytest.mark.parametrize("pre", SPLITS)
def test_every_text_comes_back(pre, tmp_path):
    tokenizer = read(tmp_path, pre=pre).backend_tokenizer

    assert tokenizer.decode(tokenizer.encode(TEXT).ids) == TEXT


@pytest.mark.parametrize(
    ("pre", "pieces"),
    [
        ("gpt-2", ["x", "1234", "Ġ=", "Ġ", "Ġy", ",", "ĊĊ"]),
        ("starcoder", ["x", "1", "2", "3", "4", "Ġ=", "Ġ", "Ġy", ",", "ĊĊ"]),
        ("qwen2", ["x", "1", "2", "3", "4", "Ġ=", "Ġ", "Ġy", ",ĊĊ"]),
        ("llama-bpe", ["x", "123", "4", "Ġ=", "Ġ", "Ġy", ",ĊĊ"]),
        ("deepseek-coder", ["x", "1", "2", "3", "4", "Ġ=Ġ", "Ġy", ",", "Ċ", "Ċ"]),
        ("seed-coder", ["x", "1", "2", "3", "4", "Ġ=", "Ġ", "Ġy", ",", "ĊĊ"]),
    ],
)
def test_text_is_split_as_the_family_does(pre, pieces, tmp_path):
    splitter = read(tmp_path, pre=pre).backend_tokenizer.pre_tokenizer

    assert [piece for piece, _ in splitter.pre_tokenize_str("x1234 =  y,\n\n")] == pieces


def test_an_unknown_split_is_refused_unless_the_original_lies_beside(tmp_path):
    with pytest.raises(ModelError, match="splits text in a way that is not known") as refused:
        read(tmp_path, pre="of-tomorrow")
    assert "tokenizer.json" in refused.value.hint

    read(tmp_path).backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert read(tmp_path, pre="of-tomorrow").backend_tokenizer.encode("a b").tokens == [
        "a", "Ġ", "b"
    ]  # fmt: skip


def test_a_tokenizer_of_another_model_beside_the_file_is_refused(tmp_path):
    Tokenizer(models.BPE({"a": 0, "b": 1}, [])).save(str(tmp_path / "tokenizer.json"))

    with pytest.raises(ModelError, match="is not the tokenizer of"):
        read(tmp_path, pre="default")


def test_merges_are_used_and_must_be_of_tokens(tmp_path):
    with pytest.raises(ModelError, match="merges 'Ġ' and 'x', not both tokens"):
        read(tmp_path, merges=["Ġ x"])
    with pytest.raises(ModelError, match="not of two tokens"):
        read(tmp_path, merges=["Ġx"])


def test_marks_are_found_and_end_a_text(tmp_path):
    tokenizer = read(tmp_path)
    mark = tokenizer.backend_tokenizer.token_to_id("<|fim_middle|>")

    assert mark in tokenizer.special_ids
    assert tokenizer.backend_tokenizer.encode("<|fim_middle|>").ids == [mark]


def test_marks_are_found_although_the_file_says_no_types(tmp_path):
    tokenizer = read(tmp_path, token_type=None)
    mark = tokenizer.backend_tokenizer.token_to_id("<|fim_middle|>")

    assert tokenizer.backend_tokenizer.encode("<|fim_middle|>").ids == [mark]


def sentencepiece(rows):
    """A vocabulary of SentencePiece's kind: bytes for what no token is."""
    known = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    words = ["▁", "d", "e", "f", "de", "def", "▁def", "▁▁"]
    return [*known, *words, *(f"[PAD{n}]" for n in range(rows - len(known) - len(words)))]


def test_sentencepiece_merges_the_best_token_first_and_spells_the_rest_in_bytes(tmp_path):
    save_gguf("code-llama", tmp_path / "m.gguf", vocabulary=300, said=said(sentencepiece(300)))
    tokenizer = tokenizer_of(read_gguf(tmp_path / "m.gguf"))

    backend = tokenizer.backend_tokenizer
    assert backend.encode("def\n").tokens == ["▁def", "<0x0A>"]
    assert backend.decode(backend.encode("def\n  é").ids) == "def\n  é"
    assert tokenizer.begin_ids == (1,)


def said(tokens):
    marks = ["▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"]
    tokens[-4:] = marks
    values = {
        "model": "llama",
        "pre": None,
        "tokens": tokens,
        "merges": None,
        "scores": [-float(number) if number < 266 else -1000.0 for number in range(len(tokens))],
        "token_type": [
            2 if each == "<unk>" else 3 if each in ("<s>", "</s>", *marks)
            else 6 if each.startswith("<0x") else 5 if each.startswith("[PAD") else 1
            for each in tokens
        ],
        "bos_token_id": 1,
        "eos_token_id": 2,
    }  # fmt: skip
    return {f"{KEY}{name}": value for name, value in values.items()}


def test_a_file_is_checked_before_torch_is_needed(tmp_path):
    save_gguf("qwen2", tmp_path / "m.gguf")
    assert check_source(str(tmp_path / "m.gguf")) == str(tmp_path / "m.gguf")

    save_gguf("llama", tmp_path / "n.gguf", said={"completer.fim_layout": None})
    with pytest.raises(ModelError, match="cannot fill in the middle"):
        check_source(str(tmp_path / "n.gguf"))
    assert check_source(str(tmp_path / "n.gguf"), "completer-caret").endswith("n.gguf")


def test_the_name_in_a_file_tells_families_apart_that_have_the_same_marks(tmp_path, monkeypatch):
    marks = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
    monkeypatch.setitem(FAMILIES, "of-llama", Family(LlamaConfig, marks, "<|end|>", ""))
    path = tmp_path / "m.gguf"
    save_gguf("of-llama", path)
    assert load_model(str(path)).layout.layout.name == "starcoder"

    save_gguf("of-llama", path, said={"general.name": "granite-3b-code-base-2k"})

    loaded = load_model(str(path), own_code=False)
    assert (loaded.layout.layout.name, type(loaded.model)) == ("granite-code", BareDecoder)
