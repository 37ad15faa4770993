"""Models of any architecture, read by transformers: safetensors only, never remote code."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
)
from transformers.modeling_utils import PreTrainedModel
from transformers.tokenization_utils_tokenizers import PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from models.errors import ModelError
from models.tokenizer import ModelTokenizer


def read_model(location: str, dtype: torch.dtype) -> PreTrainedModel:
    """Read the weights of a folder or a hub id; raises what transformers does."""
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    config = AutoConfig.from_pretrained(location, trust_remote_code=False)
    model = AutoModelForCausalLM.from_pretrained(
        location, config=config, dtype=dtype, use_safetensors=True, trust_remote_code=False
    )
    return cast(PreTrainedModel, model)


def empty_model(config: Mapping[str, Any]) -> PreTrainedModel:
    """Make a model whose weights have shapes only; raises what transformers does."""
    said = AutoConfig.for_model(**config)
    with torch.device("meta"):
        made = AutoModelForCausalLM.from_config(said)  # type: ignore[no-untyped-call]
    return cast(PreTrainedModel, made)


def model_of(
    config: PreTrainedConfig, weights: dict[str, Tensor], dtype: torch.dtype
) -> PreTrainedModel:
    """Make a model of weights that are in memory, which it takes over."""
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    kind = cast(type[PreTrainedModel], MODEL_FOR_CAUSAL_LM_MAPPING[type(config)])
    return kind.from_pretrained(None, config=config, state_dict=weights, dtype=dtype)


def read_tokenizer(location: str) -> ModelTokenizer:
    """Read the tokenizer of a folder or a hub id; raises `ModelError` for one that is slow."""
    tokenizer = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelError(
            f"{location} has only a slow tokenizer.", hint="A tokenizer.json file is needed."
        )
    return without_transformers(tokenizer)


def without_transformers(tokenizer: PreTrainedTokenizerFast) -> ModelTokenizer:
    """Return what of a tokenizer is used here."""
    special = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return ModelTokenizer(
        tokenizer.backend_tokenizer,
        tuple(i for i in tokenizer("").input_ids if i != tokenizer.eos_token_id),
        frozenset(special.union(tokenizer.all_special_ids)),
    )
