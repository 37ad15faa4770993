"""Golden prompts: what each family sees of a path, another file, a prefix and a suffix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from completer.context.prompt import PromptBuilder
from completer.place import Place
from completer.request import CompletionRequest, Snippet
from models.fim import bind_layout, find_layout
from models.fim_layouts import LAYOUTS
from tests.tiny import byte_tokenizer

QWEN = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
BIGCODE = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
OTHER = Snippet(path="lib/prices.py", text="PRICE = 3\n")
SHOP = Place(Path("/work/shop"))
OPENCODER: tuple[Mapping[str, object], ...] = (
    {"vocab_size": 96640},
    {"_name_or_path": "infly/OpenCoder-8B-Base"},
    {"source": "/cache/models--infly--OpenCoder-1.5B-Base/snapshots/1f2e"},
)
PLAIN = "# lib/prices.py\nPRICE = 3\n# cart.py\n"


@dataclass(frozen=True)
class Golden:
    """A model as it is found, and its prompt with another file and without."""

    name: str
    model_type: str
    marks: tuple[str, ...]
    prompt: str
    alone: str
    config: Mapping[str, object] = field(default_factory=dict)


GOLDEN = [
    Golden(
        "completer-caret",
        "llama",
        (*QWEN, "<|repo_name|>", "<|file_sep|>"),
        "<|repo_name|>shop<|file_sep|>lib/prices.py\nPRICE = 3\n<|file_sep|>cart.py\n"
        "<|fim_suffix|>\nprint(n)<|fim_prefix|>n = <|fim_middle|>",
        "<|file_sep|>cart.py\n<|fim_suffix|>\nprint(n)<|fim_prefix|>n = <|fim_middle|>",
        {"fim_layout": "completer-caret"},
    ),
    Golden(
        "completer-spm",
        "llama",
        (*QWEN, "<|repo_name|>", "<|file_sep|>"),
        "<|repo_name|>shop<|file_sep|>lib/prices.py\nPRICE = 3\n<|file_sep|>cart.py\n"
        "<|fim_prefix|><|fim_suffix|>\nprint(n)<|fim_middle|>n = ",
        "<|fim_prefix|><|fim_suffix|>\nprint(n)<|fim_middle|>n = ",
        {"fim_layout": "completer-spm"},
    ),
    *(
        Golden(
            "qwen-coder",
            model_type,
            (*QWEN, "<|repo_name|>", "<|file_sep|>"),
            "<|repo_name|>shop\n<|file_sep|>lib/prices.py\nPRICE = 3\n<|file_sep|>cart.py\n"
            "<|fim_prefix|>n = <|fim_suffix|>\nprint(n)<|fim_middle|>",
            "<|fim_prefix|>n = <|fim_suffix|>\nprint(n)<|fim_middle|>",
        )
        for model_type in ("qwen2", "qwen3_moe", "qwen3_5", "qwen3_5_moe_text")
    ),
    Golden(
        "codeqwen",
        "qwen2",
        (*BIGCODE, "<reponame>", "<file_sep>"),
        "<reponame>shop\n<file_sep>lib/prices.py\nPRICE = 3\n<file_sep>cart.py\n"
        "<fim_prefix>n = <fim_suffix>\nprint(n)<fim_middle>",
        "<fim_prefix>n = <fim_suffix>\nprint(n)<fim_middle>",
    ),
    Golden(
        "starcoder2",
        "starcoder2",
        (*BIGCODE, "<repo_name>", "<file_sep>"),
        "<repo_name>shop<file_sep>lib/prices.py\nPRICE = 3\n<file_sep>"
        "<fim_prefix>cart.py\nn = <fim_suffix>\nprint(n)<fim_middle>",
        "<fim_prefix>n = <fim_suffix>\nprint(n)<fim_middle>",
    ),
    Golden(
        "granite-code",
        "llama",
        (*BIGCODE, "<filename>", "<reponame>"),
        f"<fim_prefix>{PLAIN}n = <fim_suffix>\nprint(n)<fim_middle>",
        "<fim_prefix>n = <fim_suffix>\nprint(n)<fim_middle>",
        {"mlp_bias": True, "vocab_size": 49152},
    ),
    *(
        Golden(
            "opencoder",
            "llama",
            (prefix, suffix, middle),
            f"{prefix}{PLAIN}n = {suffix}\nprint(n){middle}",
            f"{prefix}n = {suffix}\nprint(n){middle}",
            config,
        )
        for prefix, suffix, middle in (QWEN, BIGCODE)
        for config in OPENCODER
    ),
    Golden(
        "mellum",
        "llama",
        (*BIGCODE, "<filename>", "<reponame>"),
        "<filename>lib/prices.py\nPRICE = 3\n<filename>cart.py\n"
        "<fim_suffix>\nprint(n)<fim_prefix>n = <fim_middle>",
        "<filename>cart.py\n<fim_suffix>\nprint(n)<fim_prefix>n = <fim_middle>",
        {"mlp_bias": False, "vocab_size": 49152, "_name_or_path": "JetBrains/Mellum-4b-base"},
    ),
    Golden(
        "mellum2",
        "mellum",
        (*BIGCODE, "<filename>"),
        "<filename>lib/prices.py\nPRICE = 3\n<filename>cart.py\n"
        "<fim_suffix>\nprint(n)<fim_prefix>n = <fim_middle>",
        "<filename>cart.py\n<fim_suffix>\nprint(n)<fim_prefix>n = <fim_middle>",
    ),
    Golden(
        "seed-coder",
        "llama",
        ("<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>"),
        f"<[fim-suffix]>\nprint(n)<[fim-prefix]>{PLAIN}n = <[fim-middle]>",
        "<[fim-suffix]>\nprint(n)<[fim-prefix]>n = <[fim-middle]>",
    ),
    Golden(
        "stable-code",
        "stablelm",
        BIGCODE,
        f"<fim_prefix>{PLAIN}n = <fim_suffix>\nprint(n)<fim_middle>",
        "<fim_prefix>n = <fim_suffix>\nprint(n)<fim_middle>",
    ),
    Golden(
        "aixcoder",
        "llama",
        ("▁<AIX-SPAN-PRE>", "▁<AIX-SPAN-POST>", "▁<AIX-SPAN-MIDDLE>"),
        "▁<AIX-SPAN-PRE>▁<AIX-SPAN-POST>\nprint(n)▁<AIX-SPAN-MIDDLE>"
        "# the file path is: lib/prices.py\n# the code file is written by Python\nPRICE = 3\n"
        "# the file path is: cart.py\n# the code file is written by Python\nn = ",
        "▁<AIX-SPAN-PRE>▁<AIX-SPAN-POST>\nprint(n)▁<AIX-SPAN-MIDDLE>"
        "# the file path is: cart.py\n# the code file is written by Python\nn = ",
    ),
    Golden(
        "glm",
        "glm4_moe",
        ("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"),
        f"<|code_prefix|>{PLAIN}n = <|code_suffix|>\nprint(n)<|code_middle|>",
        "<|code_prefix|>n = <|code_suffix|>\nprint(n)<|code_middle|>",
    ),
    *(
        Golden(
            "starcoder",
            model_type,
            BIGCODE,
            f"<fim_prefix>{PLAIN}n = <fim_suffix>\nprint(n)<fim_middle>",
            "<fim_prefix>n = <fim_suffix>\nprint(n)<fim_middle>",
        )
        for model_type in ("gpt_bigcode", "granite", "llama")
    ),
    Golden(
        "santacoder",
        "gpt2",
        ("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),
        f"<fim-prefix>{PLAIN}n = <fim-suffix>\nprint(n)<fim-middle>",
        "<fim-prefix>n = <fim-suffix>\nprint(n)<fim-middle>",
    ),
    Golden(
        "granite-4",
        "granitemoehybrid",
        QWEN,
        f"<|fim_prefix|>{PLAIN}n = <|fim_suffix|>\nprint(n)<|fim_middle|>",
        "<|fim_prefix|>n = <|fim_suffix|>\nprint(n)<|fim_middle|>",
    ),
    Golden(
        "code-llama",
        "llama",
        ("▁<PRE>", "▁<SUF>", "▁<MID>"),
        f"▁<PRE>{PLAIN}n = ▁<SUF>\nprint(n)▁<MID>",
        "▁<PRE>n = ▁<SUF>\nprint(n)▁<MID>",
    ),
    Golden(
        "code-llama-spm",
        "llama",
        ("▁<PRE>", "▁<SUF>", "▁<MID>"),
        f"▁<PRE>▁<SUF>\nprint(n)▁<MID>{PLAIN}n = ",
        "▁<PRE>▁<SUF>\nprint(n)▁<MID>n = ",
        {"fim_layout": "code-llama-spm"},
    ),
    Golden(
        "deepseek-coder",
        "deepseek_v2",
        ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
        "<｜fim▁begin｜>#lib/prices.py\nPRICE = 3\n\n#cart.py\nn = "
        "<｜fim▁hole｜>\nprint(n)<｜fim▁end｜>",
        "<｜fim▁begin｜>n = <｜fim▁hole｜>\nprint(n)<｜fim▁end｜>",
    ),
    Golden(
        "codegemma",
        "gemma",
        (*QWEN, "<|file_separator|>"),
        "<|file_separator|>lib/prices.py\nPRICE = 3\n<|file_separator|>cart.py\n"
        "<|fim_prefix|>n = <|fim_suffix|>\nprint(n)<|fim_middle|>",
        "<|fim_prefix|>n = <|fim_suffix|>\nprint(n)<|fim_middle|>",
    ),
    Golden(
        "codestral",
        "mistral",
        ("[SUFFIX]", "[PREFIX]", "[MIDDLE]"),
        "[SUFFIX]\nprint(n)[PREFIX]+++++ lib/prices.py\nPRICE = 3\n\n+++++ cart.py\nn = ",
        "[SUFFIX]\nprint(n)[PREFIX]n = ",
    ),
]


def laid_out(golden: Golden, *snippets: Snippet) -> str:
    tokenizer = byte_tokenizer(golden.marks)
    vocabulary, named = tokenizer.get_vocab(), golden.config.get("fim_layout")
    name = None if named is None else str(named)
    found = find_layout(golden.model_type, vocabulary, name, golden.config)
    assert found.name == golden.name
    layout = bind_layout(found, vocabulary)
    prompts = PromptBuilder(tokenizer.backend_tokenizer, layout, budget=1000, suffix_share=0.25)
    request = CompletionRequest(
        prefix="n = ",
        suffix="\nprint(n)",
        path=SHOP / "cart.py",
        workspace=SHOP,
        language="python",
    )
    return str(tokenizer.decode(prompts.build(request, snippets).ids))


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden.name}-{golden.model_type}")
def test_each_family_sees_the_prompt_that_it_was_trained_on(golden):
    assert laid_out(golden, OTHER) == golden.prompt
    assert laid_out(golden) == golden.alone


def test_every_layout_has_a_golden_prompt_and_a_source():
    assert {golden.name for golden in GOLDEN} == {layout.name for layout in LAYOUTS}
    assert all(layout.source for layout in LAYOUTS)


def test_without_the_marks_of_files_they_are_plain_text_in_their_place():
    golden = Golden("qwen-coder", "qwen3", QWEN, "", "")

    assert laid_out(golden, OTHER) == (
        f"{PLAIN}<|fim_prefix|>n = <|fim_suffix|>\nprint(n)<|fim_middle|>"
    )


def test_other_languages_have_other_comments():
    (golden,) = (each for each in GOLDEN if each.name == "aixcoder")
    text = laid_out(golden, Snippet(path="lib/Price.cpp", text="int price;"))

    assert "// the file path is: lib/Price.cpp\n// the code file is written by C++\n" in text
