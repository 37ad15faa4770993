"""Raw prompts are read back into their parts, and files that merely hold such marks are not."""

import pytest

from models.raw_prompt import RawPrompt, read_raw_prompt

BEFORE = "def add(a, b):\n    return "
AFTER = "\n\nprint(add(1, 2))\n"

# What Zed's providers post, by their `prompt_format` (`format_fim_prompt` in its fim.rs).
ZED = {
    "code_llama": ("code-llama", f"<PRE> {BEFORE} <SUF>{AFTER} <MID>"),
    "star_coder": ("starcoder", f"<fim_prefix>{BEFORE}<fim_suffix>{AFTER}<fim_middle>"),
    "deepseek_coder": (
        "deepseek-coder",
        f"<｜fim▁begin｜>{BEFORE}<｜fim▁hole｜>{AFTER}<｜fim▁end｜>",
    ),
    "qwen": ("qwen-coder", f"<|fim_prefix|>{BEFORE}<|fim_suffix|>{AFTER}<|fim_middle|>"),
    "codegemma": ("qwen-coder", f"<|fim_prefix|>{BEFORE}<|fim_suffix|>{AFTER}<|fim_middle|>"),
    "codestral": ("codestral", f"[SUFFIX]{AFTER}[PREFIX]{BEFORE}"),
    "glm": ("glm", f"<|code_prefix|>{BEFORE}<|code_suffix|>{AFTER}<|code_middle|>"),
}
OTHERS = {
    "code_llama without spaces": ("code-llama", f"<PRE>{BEFORE}<SUF>{AFTER}<MID>"),
    "code_llama, the suffix first": ("code-llama-spm", f"<PRE> <SUF>{AFTER} <MID> {BEFORE}"),
    "with a begin mark": ("codestral", f"<s>[SUFFIX]{AFTER}[PREFIX]{BEFORE}"),
    "seed-coder": ("seed-coder", f"<[fim-suffix]>{AFTER}<[fim-prefix]>{BEFORE}<[fim-middle]>"),
    "mellum": ("mellum", f"<fim_suffix>{AFTER}<fim_prefix>{BEFORE}<fim_middle>"),
    "santacoder": ("santacoder", f"<fim-prefix>{BEFORE}<fim-suffix>{AFTER}<fim-middle>"),
    "starcoder2 as Ollama writes it": (
        "starcoder2",
        f"<file_sep><fim_prefix>{BEFORE}<fim_suffix>{AFTER}<fim_middle>",
    ),
    "ours": ("completer-caret", f"<|fim_suffix|>{AFTER}<|fim_prefix|>{BEFORE}<|fim_middle|>"),
    "ours before": (
        "completer-spm",
        f"<|fim_prefix|><|fim_suffix|>{AFTER}<|fim_middle|>{BEFORE}",
    ),
}


WRITTEN = ZED | OTHERS


@pytest.mark.parametrize(("layout", "text"), WRITTEN.values(), ids=WRITTEN)
def test_what_editors_write_is_read_back(layout, text):
    assert read_raw_prompt(text) == RawPrompt(layout=layout, prefix=BEFORE, suffix=AFTER)


QWEN = f"<|fim_prefix|>{BEFORE}<|fim_suffix|>{AFTER}<|fim_middle|>"
STARCODER = f"<fim_suffix>{AFTER}<fim_middle>"
WITH_FILES = {
    "minuet with VectorCode": ("", f"<|file_sep|>lib/b.py\nB = 2\nC = 3\n{QWEN}"),
    "Qwen's repository level": (
        "src/a.py",
        f"<|repo_name|>shop\n<|file_sep|>lib/b.py\nB = 2\nC = 3\n<|file_sep|>src/a.py\n{QWEN}",
    ),
    "the same without a line break behind the path": (
        "src/a.py",
        f"<|repo_name|>shop\n<|file_sep|>lib/b.py\nB = 2\nC = 3\n<|file_sep|>src/a.py{QWEN}",
    ),
    "CodeGemma": ("", f"<|file_separator|>lib/b.py\nB = 2\nC = 3\n{QWEN}"),
    "StarCoder2": (
        "src/a.py",
        "<repo_name>shop<file_sep>lib/b.py\nB = 2\nC = 3\n<file_sep>"
        f"<fim_prefix>src/a.py\n{BEFORE}{STARCODER}",
    ),
    "CodeQwen1.5": (
        "src/a.py",
        "<reponame>shop\n<file_sep>lib/b.py\nB = 2\nC = 3\n<file_sep>src/a.py\n"
        f"<fim_prefix>{BEFORE}{STARCODER}",
    ),
    "Mellum": (
        "src/a.py",
        "<filename>lib/b.py\nB = 2\nC = 3\n<filename>src/a.py\n"
        f"<fim_suffix>{AFTER}<fim_prefix>{BEFORE}<fim_middle>",
    ),
    "Codestral as Continue writes it": (
        "src/a.py",
        f"[SUFFIX]{AFTER}[PREFIX]+++++ lib/b.py\nB = 2\nC = 3\n\n\n+++++ src/a.py\n{BEFORE}",
    ),
    "aiXcoder": (
        "src/a.py",
        f"<s>▁<AIX-SPAN-PRE>▁<AIX-SPAN-POST>{AFTER}▁<AIX-SPAN-MIDDLE>"
        "# the file path is: lib/b.py\n# the code file is written by Python\nB = 2\nC = 3\n"
        f"# the file path is: src/a.py\n# the code file is written by Python\n{BEFORE}",
    ),
}


@pytest.mark.parametrize(("path", "text"), WITH_FILES.values(), ids=WITH_FILES)
def test_other_files_and_the_path_are_told_where_they_can_be(path, text):
    found = read_raw_prompt(text)

    assert found is not None
    assert (found.prefix, found.suffix, found.path) == (BEFORE, AFTER, path)
    ((other, content),) = found.files
    assert (other, content.rstrip()) == ("lib/b.py", "B = 2\nC = 3")


def test_files_without_a_path_are_files_as_well():
    """As Continue writes StarCoder2's prompts."""
    text = f"<file_sep>import os\nB = 2\n<file_sep><fim_prefix>{BEFORE}{STARCODER}"
    found = read_raw_prompt(text)

    assert found is not None
    assert (found.prefix, found.path) == (BEFORE, "")
    assert found.files == (("", "import os\nB = 2\n"),)


FILE = 'MARKS = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def f():",
        FILE,
        f"{FILE}prompt = '{QWEN}'\n",
        "# <fim_prefix>a<fim_suffix>b<fim_middle>",
        QWEN + "\n",  # something stands behind the last mark
        "x" + QWEN,  # and before the first
        "<|fim_prefix|>a<|fim_middle|>b<|fim_suffix|>",
        "<|fim_prefix|>",
        "<fim_prefix>a<fim_suffix>b",
        "<fim_prefix>a<|fim_suffix|>b<fim_middle>",
        "<|file_sep|>a.py\nx = 1\n",
        f"<|file_sep|>{FILE}{QWEN}",  # which of the first marks is it?
        "[SUFFIX]a[PREFIX]b[PREFIX]c",
    ],
)
def test_a_text_that_merely_has_such_marks_is_no_layout(text):
    assert read_raw_prompt(text) is None


def test_somebody_edits_a_file_that_holds_the_marks():
    """The marks at the edges are the client's; where the one between is in the file, who knows."""
    ours = f'END = "<|fim_middle|>"\n{BEFORE}'
    found = read_raw_prompt(f"<|fim_prefix|>{ours}<|fim_suffix|>{AFTER}<|fim_middle|>")

    assert found is not None
    assert (found.prefix, found.suffix) == (ours, AFTER)
    assert read_raw_prompt(f"<|fim_prefix|>{FILE}{BEFORE}<|fim_suffix|>b<|fim_middle|>") is None


def test_a_prompt_for_an_edit_is_none_for_a_completion():
    """Zed's Zeta 2 writes its own format in Seed-Coder's marks."""
    text = "<[fim-suffix]>\n<[fim-prefix]><filename>a.py\nx<|user_cursor|>\n<[fim-middle]>"

    assert read_raw_prompt(text) is None


def test_a_long_text_is_read_in_linear_time():
    text = "<|file_sep|>" * 20_000 + "[SUFFIX]" * 20_000 + "<fim_prefix>" * 20_000

    assert read_raw_prompt(text + QWEN) is None
