"""The layouts of the families that are known, each with where it is written down.

Of several that fit a model, the first is taken: what is told by more stands before what is not.
"""

from models.fim_template import (
    COMMENT,
    FILES,
    LANGUAGE,
    OWN,
    PATH,
    PREFIX,
    REPO,
    SUFFIX,
    TEXT,
    FimLayout,
    Text,
)

_LINE_END = Text("\n")
_BIGCODE_END = ("<|endoftext|>", "<fim_pad>")
_AIXCODER_OWN = (
    *(COMMENT, Text(" the file path is: "), PATH, _LINE_END),
    *(COMMENT, Text(" the code file is written by "), LANGUAGE, _LINE_END),
)
_NOT_CODER = "Qwen models that are not Coder models have these marks without being trained on them"


def _psm(prefix: str, suffix: str, middle: str) -> tuple[str, ...]:
    """Prefix first, other files inside of it: the document is taken to begin with them."""
    return (prefix, FILES, OWN, PREFIX, suffix, SUFFIX, middle)


def _qwen(*, named: str = "", note: str = "") -> FimLayout:
    """Qwen2.5-Coder's, which later Qwen models share."""
    return FimLayout(
        name="qwen-coder",
        source="Qwen2.5-Coder technical report (arXiv 2409.12186), figure 4; llama.cpp's /infill",
        model_types=frozenset(
            {"qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next"}
            | {"qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text"}
        ),
        template=(FILES, OWN, "<|fim_prefix|>", PREFIX, "<|fim_suffix|>", SUFFIX, "<|fim_middle|>"),
        repo=("<|repo_name|>", REPO, _LINE_END),
        file=("<|file_sep|>", PATH, _LINE_END, TEXT),
        own=("<|file_sep|>", PATH, _LINE_END),
        named=named,
        end_marks=("<|endoftext|>", "<|fim_pad|>", "<|cursor|>"),
        note=note,
    )


def _opencoder(prefix: str, suffix: str, middle: str) -> FimLayout:
    return FimLayout(
        name="opencoder",
        source="infly/OpenCoder-8B-Instruct, discussion 2, the authors: no FIM",
        model_types=frozenset({"llama"}),
        template=_psm(prefix, suffix, middle),
        config=(("vocab_size", 96640),),
        named="opencoder",
        end_marks=("<|endoftext|>",),
        note="OpenCoder's tokenizer has these marks, but the model was never trained on them",
    )


LAYOUTS: tuple[FimLayout, ...] = (
    FimLayout(
        name="completer-caret",
        source="models/training/layouts.py",
        model_types=frozenset(),
        template=(FILES, OWN, "<|fim_suffix|>", SUFFIX, "<|fim_prefix|>", PREFIX, "<|fim_middle|>"),
        repo=("<|repo_name|>", REPO),
        file=("<|file_sep|>", PATH, _LINE_END, TEXT),
        own=("<|file_sep|>", PATH, _LINE_END),
        own_path=True,
        end_marks=("<|endoftext|>",),
    ),
    FimLayout(
        name="completer-spm",
        source="models that `completer train` made before `completer-caret`",
        model_types=frozenset(),
        template=(FILES, OWN, "<|fim_prefix|>", "<|fim_suffix|>", SUFFIX, "<|fim_middle|>", PREFIX),
        repo=("<|repo_name|>", REPO),
        file=("<|file_sep|>", PATH, _LINE_END, TEXT),
        own=("<|file_sep|>", PATH, _LINE_END),
        end_marks=("<|endoftext|>",),
    ),
    _qwen(named="coder"),
    _qwen(note=_NOT_CODER),
    FimLayout(
        name="codeqwen",
        source="README of CodeQwen1.5 (QwenLM/Qwen2.5-Coder, first commits)",
        model_types=frozenset({"qwen2"}),
        template=(FILES, OWN, "<fim_prefix>", PREFIX, "<fim_suffix>", SUFFIX, "<fim_middle>"),
        repo=("<reponame>", REPO, _LINE_END),
        file=("<file_sep>", PATH, _LINE_END, TEXT),
        own=("<file_sep>", PATH, _LINE_END),
        end_marks=_BIGCODE_END,
    ),
    FimLayout(
        name="starcoder2",
        source="StarCoder 2 (arXiv 2402.19173), section 5.1",
        model_types=frozenset({"starcoder2"}),
        template=(FILES, "<fim_prefix>", OWN, PREFIX, "<fim_suffix>", SUFFIX, "<fim_middle>"),
        repo=("<repo_name>", REPO),
        file=("<file_sep>", PATH, _LINE_END, TEXT),
        behind_files=("<file_sep>",),
        own=(PATH, _LINE_END),
        end_marks=_BIGCODE_END,
    ),
    FimLayout(
        name="granite-code",
        source="Granite Code Models (arXiv 2405.04324); Llama's `mlp_bias` is theirs",
        model_types=frozenset({"llama"}),
        template=_psm("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
        config=(("mlp_bias", True),),
        named="granite",
        end_marks=_BIGCODE_END,
    ),
    _opencoder("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    _opencoder("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    FimLayout(
        name="mellum",
        source="model card of JetBrains/Mellum-4b-base",
        model_types=frozenset({"llama"}),
        template=(FILES, OWN, "<fim_suffix>", SUFFIX, "<fim_prefix>", PREFIX, "<fim_middle>"),
        also=frozenset({"<filename>"}),
        file=("<filename>", PATH, _LINE_END, TEXT),
        own=("<filename>", PATH, _LINE_END),
        own_path=True,
        end_marks=_BIGCODE_END,
    ),
    FimLayout(
        name="mellum2",
        source="as Mellum-4b's: the same marks (transformers has it as `mellum`)",
        model_types=frozenset({"mellum"}),
        template=(FILES, OWN, "<fim_suffix>", SUFFIX, "<fim_prefix>", PREFIX, "<fim_middle>"),
        file=("<filename>", PATH, _LINE_END, TEXT),
        own=("<filename>", PATH, _LINE_END),
        own_path=True,
        end_marks=_BIGCODE_END,
    ),
    FimLayout(
        name="seed-coder",
        source="Seed-Coder (arXiv 2506.03524), on FIM; other files as Zed's Zeta 2 has them",
        model_types=frozenset({"llama"}),
        template=("<[fim-suffix]>", SUFFIX, "<[fim-prefix]>", FILES, OWN, PREFIX, "<[fim-middle]>"),
        end_marks=("<[end▁of▁sentence]>",),
    ),
    FimLayout(
        name="stable-code",
        source="model card of stabilityai/stable-code-3b; Continue's AutocompleteTemplate.ts",
        model_types=frozenset({"stablelm"}),
        template=_psm("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
        end_marks=_BIGCODE_END,
    ),
    FimLayout(
        name="aixcoder",
        source="README of aiXcoder-7B, pre-training tasks (SPM mode); its `input_wrapper`",
        model_types=frozenset({"llama"}),
        template=(
            *("▁<AIX-SPAN-PRE>", "▁<AIX-SPAN-POST>", SUFFIX),
            *("▁<AIX-SPAN-MIDDLE>", FILES, OWN, PREFIX),
        ),
        file=(*_AIXCODER_OWN, TEXT),
        own=_AIXCODER_OWN,
        own_path=True,
        end_marks=("</s>",),
    ),
    FimLayout(
        name="glm",
        source="Zed's fim.rs (format glm); marks as llama.cpp reads them from GLM-4.5's vocabulary",
        model_types=frozenset({"glm", "glm4", "glm4_moe", "glm4_moe_lite"}),
        template=_psm("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"),
        end_marks=("<|endoftext|>", "<|user|>", "<|observation|>"),
    ),
    FimLayout(
        name="starcoder",
        source="StarCoder (arXiv 2305.06161); files inside the prefix as Cody has them",
        model_types=frozenset({"gpt_bigcode", "granite", "granitemoe", "llama"}),
        template=_psm("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
        end_marks=_BIGCODE_END,
    ),
    FimLayout(
        name="santacoder",
        source="model card of bigcode/santacoder",
        model_types=frozenset({"gpt_bigcode", "gpt2"}),
        template=_psm("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),
        end_marks=("<|endoftext|>", "<fim-pad>"),
    ),
    FimLayout(
        name="granite-4",
        source="Granite 4 documentation, prompt engineering: fill-in-the-middle",
        model_types=frozenset({"granite", "granitemoe", "granitemoeshared", "granitemoehybrid"}),
        template=_psm("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
        end_marks=("<|endoftext|>", "<|fim_pad|>", "<|end_of_text|>"),
    ),
    FimLayout(
        name="code-llama",
        source="Code Llama's model card and prompt formats: infilling, prefix-suffix-middle",
        model_types=frozenset({"llama", "code_llama"}),
        template=_psm("▁<PRE>", "▁<SUF>", "▁<MID>"),
        spellings=(("<PRE> ", " <SUF>", " <MID>"), ("<PRE>", "<SUF>", "<MID>")),
        end_marks=("▁<EOT>",),
    ),
    FimLayout(
        name="code-llama-spm",
        source="Code Llama (arXiv 2308.12950), section 2.3; `suffix_first` of its tokenizer",
        model_types=frozenset(),
        template=("▁<PRE>", "▁<SUF>", SUFFIX, "▁<MID>", FILES, OWN, PREFIX),
        spellings=(("<PRE> ", "<SUF>", " <MID> "), ("<PRE>", "<SUF>", "<MID>")),
        end_marks=("▁<EOT>",),
    ),
    FimLayout(
        name="deepseek-coder",
        source="README of DeepSeek-Coder; arXiv 2401.14196: a repository's files are one document",
        model_types=frozenset({"llama", "deepseek_v2", "deepseek_v3"}),
        template=_psm("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
        file=(Text("#"), PATH, _LINE_END, TEXT, _LINE_END),
        own=(Text("#"), PATH, _LINE_END),
        end_marks=("<｜end▁of▁sentence｜>", "<|EOT|>"),
    ),
    FimLayout(
        name="codegemma",
        source="CodeGemma (arXiv 2406.11409) and its prompt structure: file separator",
        model_types=frozenset({"gemma", "gemma2"}),
        template=(FILES, OWN, "<|fim_prefix|>", PREFIX, "<|fim_suffix|>", SUFFIX, "<|fim_middle|>"),
        file=("<|file_separator|>", PATH, _LINE_END, TEXT),
        own=("<|file_separator|>", PATH, _LINE_END),
        end_marks=("<|file_separator|>", "<end_of_turn>"),
    ),
    FimLayout(
        name="codestral",
        source="mistral-common's tokenizers; other files as Continue's AutocompleteTemplate.ts",
        model_types=frozenset({"mistral"}),
        template=("[SUFFIX]", SUFFIX, "[PREFIX]", FILES, OWN, PREFIX),
        file=(Text("+++++ "), PATH, _LINE_END, TEXT, _LINE_END),
        own=(Text("+++++ "), PATH, _LINE_END),
        end_marks=("[MIDDLE]",),
        end_texts=("\n+++++ ",),
    ),
)
