"""Models that are known to fill in the middle, with what their cards on the hub say of them.

Parameters and licences are those of each model's card. `restricted` licences do not allow, or not
freely, what a business does: read them first.
"""

from dataclasses import dataclass

from models.errors import ModelError
from models.source import HUB_ID

_MANY = "80 and more"
_TOKENS_PER_LINE = 10
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1, "int4": 0.65}
"""Of a parameter; int4: with scales, and the vocabulary in int8."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One row. Parameters are in billions, `active` those that a token goes through.

    `file` is the one GGUF file of a repository that is meant; `gated` ones ask on the hub first.
    """

    name: str
    repo: str
    parameters: float
    licence: str
    languages: str
    restricted: bool = False
    gated: bool = False
    active: float | None = None
    file: str | None = None

    def memory_gb(self, dtype: str) -> float:
        """How much memory the weights take, in 10⁹ bytes; int8 leaves some in bfloat16."""
        return self.parameters * _BYTES[dtype]

    def line_ms(self, bytes_per_s: float, dtype: str = "bfloat16") -> float:
        """Expected milliseconds for a line of 10 tokens that nothing was drafted of.

        Each token reads all weights that it goes through once: an estimate, which drafts undercut.
        """
        read = (self.active or self.parameters) * 1e9 * _BYTES[dtype]
        return _TOKENS_PER_LINE * read / bytes_per_s * 1000


KNOWN = (
    KnownModel("qwen2.5-coder-0.5b", "Qwen/Qwen2.5-Coder-0.5B", 0.49, "Apache-2.0", "92"),
    KnownModel("qwen2.5-coder-1.5b", "Qwen/Qwen2.5-Coder-1.5B", 1.54, "Apache-2.0", "92"),
    KnownModel(
        "qwen2.5-coder-1.5b-gguf",
        "ggml-org/Qwen2.5-Coder-1.5B-Q8_0-GGUF",
        1.54,
        "Apache-2.0",
        "92",
        file="qwen2.5-coder-1.5b-q8_0.gguf",
    ),
    KnownModel(
        "qwen2.5-coder-3b", "Qwen/Qwen2.5-Coder-3B", 3.09, "Qwen Research", "92", restricted=True
    ),
    KnownModel("qwen2.5-coder-7b", "Qwen/Qwen2.5-Coder-7B", 7.61, "Apache-2.0", "92"),
    KnownModel("qwen2.5-coder-14b", "Qwen/Qwen2.5-Coder-14B", 14.7, "Apache-2.0", "92"),
    KnownModel("qwen2.5-coder-32b", "Qwen/Qwen2.5-Coder-32B", 32.5, "Apache-2.0", "92"),
    KnownModel(
        "qwen3-coder-30b",
        "Qwen/Qwen3-Coder-30B-A3B-Instruct",
        30.5,
        "Apache-2.0",
        "many",
        active=3.3,
    ),
    KnownModel(
        "starcoderbase-1b", "bigcode/starcoderbase-1b", 1.14, "OpenRAIL-M", _MANY, gated=True
    ),
    KnownModel("starcoder2-3b", "bigcode/starcoder2-3b", 3.03, "OpenRAIL-M", "17"),
    KnownModel("starcoder2-7b", "bigcode/starcoder2-7b", 7.17, "OpenRAIL-M", "17"),
    KnownModel("starcoder2-15b", "bigcode/starcoder2-15b", 16.0, "OpenRAIL-M", "600 and more"),
    KnownModel("granite-3b", "ibm-granite/granite-3b-code-base-2k", 3.48, "Apache-2.0", "116"),
    KnownModel("granite-8b", "ibm-granite/granite-8b-code-base-4k", 8.05, "Apache-2.0", "116"),
    KnownModel(
        "deepseek-coder-6.7b", "deepseek-ai/deepseek-coder-6.7b-base", 6.74, "DeepSeek", "87"
    ),
    KnownModel("code-llama-7b", "codellama/CodeLlama-7b-hf", 6.74, "Llama 2", "7 and more"),
    KnownModel("code-llama-13b", "codellama/CodeLlama-13b-hf", 13.0, "Llama 2", "7 and more"),
    KnownModel("codegemma-2b", "google/codegemma-2b", 2.51, "Gemma", "8 and more", gated=True),
    KnownModel("codegemma-7b", "google/codegemma-7b", 8.54, "Gemma", "8 and more", gated=True),
    KnownModel("mellum-4b", "JetBrains/Mellum-4b-base", 4.02, "Apache-2.0", "many"),
    KnownModel("seed-coder-8b", "ByteDance-Seed/Seed-Coder-8B-Base", 8.25, "MIT", "89"),
    KnownModel(
        "codestral-22b",
        "mistralai/Codestral-22B-v0.1",
        22.2,
        "MNPL-0.1",
        _MANY,
        restricted=True,
        gated=True,
    ),
)


def find(name: str) -> tuple[str, str | None]:
    """Return repository and GGUF file that a name means: of the table, or `org/name[:file.gguf]`.

    Raises `ModelError` for what is neither.
    """
    for model in KNOWN:
        if name.lower() in (model.name, model.repo.lower()):
            return model.repo, model.file
    repo, _, file = name.partition(":")
    if not HUB_ID.fullmatch(repo):
        raise ModelError(
            f"No model is called {name!r}.",
            hint="`completer model list` names those that are known; any hub id is taken as well.",
        )
    return repo, file or None
