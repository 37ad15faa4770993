from pathlib import Path

import pytest
from tokenizers import Tokenizer

from models.training.tokenizer import (
    END,
    FIM_MIDDLE,
    MARKS,
    encode,
    inherit_tokenizer,
    mark_id,
    train_tokenizer,
)


def test_any_text_survives(tokenizer: Tokenizer):
    text = "def größe(x):\n\treturn '🙂'\r\n\x0c"
    assert tokenizer.decode(encode(tokenizer, text), skip_special_tokens=False) == text


def test_marks_take_the_first_ids(tokenizer: Tokenizer):
    assert [mark_id(tokenizer, mark) for mark in MARKS] == list(range(len(MARKS)))


def test_a_mark_in_source_code_is_mere_text(tokenizer: Tokenizer):
    assert mark_id(tokenizer, FIM_MIDDLE) not in encode(tokenizer, f"MARK = '{FIM_MIDDLE}'")


def test_an_inherited_tokenizer_keeps_its_ids_and_gains_marks(tmp_path: Path):
    old = train_tokenizer(["def f(): return 1\n" * 20], 300)
    content = old.to_str().replace("<|file_sep|>", "unused").replace("<|repo_name|>", "spare")
    (tmp_path / "tokenizer.json").write_text(content)
    new = inherit_tokenizer(tmp_path)
    assert new.encode("def f()").ids == old.encode("def f()").ids
    assert mark_id(new, END) == 0
    assert mark_id(new, "<|file_sep|>") >= old.get_vocab_size()


def test_a_tokenizer_without_marks_is_refused():
    from tokenizers import models

    with pytest.raises(ValueError, match=r"no <\|endoftext\|>"):
        mark_id(Tokenizer(models.BPE()), END)
