"""Tiny random checkpoints of real architectures, with byte tokenizers that carry the real marks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Gemma2Config,
    GemmaConfig,
    GPTBigCodeConfig,
    LlamaConfig,
    MistralConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
    Starcoder2Config,
)
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

CONTEXT = 256
_SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
}


@dataclass(frozen=True)
class Family:
    """One architecture with the marks that its tokenizers have."""

    config: Any  # a subclass of PreTrainedConfig
    marks: tuple[str, ...]
    end: str
    layout: str
    sizes: tuple[tuple[str, Any], ...] = tuple(_SIZES.items())


_QWEN_MARKS = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>")
FAMILIES = {
    "llama": Family(
        LlamaConfig,
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
        "<|endoftext|>",
        "completer-spm",
    ),
    "code-llama": Family(
        LlamaConfig, ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"), "</s>", "code-llama"
    ),
    "deepseek": Family(
        LlamaConfig,
        ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
        "<｜end▁of▁sentence｜>",
        "deepseek-coder",
    ),
    "qwen2": Family(
        Qwen2Config, (*_QWEN_MARKS, "<|repo_name|>", "<|file_sep|>"), "<|endoftext|>", "qwen-coder"
    ),
    "qwen3": Family(Qwen3Config, _QWEN_MARKS, "<|endoftext|>", "qwen-coder"),
    "starcoder2": Family(
        Starcoder2Config,
        ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>", "<repo_name>"),
        "<|endoftext|>",
        "starcoder2",
    ),
    "mistral": Family(MistralConfig, ("[SUFFIX]", "[PREFIX]", "[MIDDLE]"), "</s>", "codestral"),
    "gemma": Family(
        GemmaConfig,
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>"),
        "<eos>",
        "codegemma",
        (*_SIZES.items(), ("head_dim", 8)),
    ),
    "gemma2": Family(
        Gemma2Config,
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
        "<eos>",
        "codegemma",
        (*_SIZES.items(), ("head_dim", 8), ("sliding_window", 24), ("query_pre_attn_scalar", 8)),
    ),
    "gpt_bigcode": Family(
        GPTBigCodeConfig,
        ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
        "<|endoftext|>",
        "starcoder",
        (("n_embd", 32), ("n_layer", 2), ("n_head", 4), ("n_positions", CONTEXT)),
    ),
}


def byte_tokenizer(
    marks: tuple[str, ...] = (), end: str = "<|endoftext|>"
) -> PreTrainedTokenizerFast:
    """A tokenizer with one token per byte, and special tokens for `end` and `marks`."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({byte: i for i, byte in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end)
    fast.add_special_tokens({"additional_special_tokens": list(marks)})
    return fast


def tiny_model(family: str, vocabulary: int, seed: int = 0, **overrides: Any) -> Any:
    """A random model of a family, small enough to run in a millisecond."""
    torch.manual_seed(seed)
    kind = FAMILIES[family]
    sizes = {**dict(kind.sizes), **overrides}
    config = kind.config(vocab_size=vocabulary, **sizes)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    return model.eval().requires_grad_(False)


def save_tiny(family: str, folder: Path, context: int = CONTEXT) -> Path:
    """Save a tiny checkpoint as a user would have it: config, safetensors, tokenizer."""
    kind = FAMILIES[family]
    tokenizer = byte_tokenizer(kind.marks, kind.end)
    said: dict[str, Any] = {}
    if context != CONTEXT:
        said["max_position_embeddings"] = context
    if kind.layout.startswith("completer-"):
        said["fim_layout"] = kind.layout
    tiny_model(family, len(tokenizer), **said).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
