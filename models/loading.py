"""Loading a FIM model: a folder, a GGUF file or from the hub; never pickles, never remote code."""

import hashlib
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from safetensors import SafetensorError

from models import own_format
from models.decoder import BareDecoder
from models.edit_formats import EditFormat, find_edit_format
from models.errors import ModelError
from models.fim import BoundLayout, bind_layout, find_layout
from models.int4 import GROUP, INT4
from models.int8 import INT8
from models.memory import ran_out
from models.quantising import QUANTISED, Stored, check_device, quantise, quantised_dtype
from models.source import BUNDLED, INCOMPLETE, is_gguf, read_config, resolve_source
from models.tokenizer import ModelTokenizer

if TYPE_CHECKING:
    from transformers.modeling_utils import PreTrainedModel

    from models.decoder import Model

log = logging.getLogger(__name__)

Read = TypeVar("Read")

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    INT8: torch.bfloat16,  # of all that is not quantised
    INT4: torch.bfloat16,
}
UNLOADABLE = (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError)
SMALLER = "Choose a smaller model, free memory, or set model.device to cpu."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model that is ready to run, with what one has to know about it.

    `dtype` is that of its states and floating-point weights, `context_tokens` the longest sequence
    that it takes; `load_ms` is milliseconds. `digest` names the weights: what was fitted to them is
    for no others, whatever the model is called. `edit_format` is that in which it
    was trained to write next edits, if it was.
    """

    name: str
    model: "Model"
    tokenizer: ModelTokenizer
    layout: BoundLayout
    device: torch.device
    dtype: torch.dtype
    context_tokens: int
    load_ms: float
    digest: str
    edit_format: EditFormat | None = None

    @property
    def identity(self) -> str:
        """The model's name and its weights' digest: what telemetry knows it by."""
        return f"{self.name}@{self.digest}"

    @property
    def dtype_name(self) -> str:
        """The dtype as a person writes it: `float32`, `bfloat16`, `int8`, `int4`."""
        return dtype_name(self.model)

    @property
    def own_code(self) -> "PreTrainedModel":
        """The model with its own code, as for `generate`; it must have been loaded with it."""
        assert not isinstance(self.model, BareDecoder)  # noqa: S101
        return self.model


def load_model(
    source: str = BUNDLED,
    *,
    device: str = "auto",
    dtype: str = "auto",
    layout: str | None = None,
    context_tokens: int | None = None,
    own_code: bool = True,
) -> LoadedModel:
    """Load `source`: `bundled`, a folder in Hugging Face layout, a GGUF file, or a hub id.

    Without its `own_code` a model only has weights, if its folder can be read so: that takes less
    memory and time.

    Raises `ModelError` for a folder that is no model, pickled weights, a model that needs its own
    code, an unknown device or dtype, int8 or int4 where it cannot run, and a tokenizer without FIM
    marks.
    """
    started = time.perf_counter()
    location = resolve_source(source)
    chosen_device = choose_device(device)
    chosen_dtype = choose_dtype(dtype, chosen_device)
    tokenizer = load_tokenizer(location)
    model = _move(_load_weights(location, chosen_dtype, own_code=own_code), chosen_device)
    model.eval().requires_grad_(False)
    digest, entries = weights_digest(model), _entries(model.config, location)
    if dtype in QUANTISED:
        quantise(model, dtype, _stored(location))
        scales = "each output" if dtype == INT8 else f"{GROUP} inputs of an output"
        log.info("%s: linear layers quantised to %s, with a scale for %s", source, dtype, scales)
    return LoadedModel(
        name=Path(source).name if source != BUNDLED else BUNDLED,
        model=model,
        tokenizer=tokenizer,
        layout=bind_tokenizer(
            tokenizer,
            str(model.config.model_type),
            layout or getattr(model.config, "fim_layout", None),
            rows=model.config.vocab_size,
            config=entries,
        ),
        device=chosen_device,
        dtype=chosen_dtype,
        context_tokens=_context_limit(model.config, context_tokens),
        load_ms=(time.perf_counter() - started) * 1000,
        digest=digest,
        edit_format=find_edit_format(entries),
    )


def _stored(location: str) -> Stored:
    if not is_gguf(Path(location)):
        return lambda layer: None
    from models.gguf.container import read_gguf
    from models.gguf.four_bits import four_bits_in

    return four_bits_in(read_gguf(Path(location)))


def weights_digest(model: "Model") -> str:
    """Name a model by its weights: 16 hexadecimal digits, the same in all dtypes.

    Reads about 256 values of each tensor, in bfloat16: training changes nearly all of them.
    """
    digest = hashlib.sha256()
    for name, weight in sorted(model.named_parameters()):
        values = weight.detach().flatten()
        some = values[:: max(1, len(values) // 256)].to("cpu", torch.bfloat16).float()
        digest.update(f"{name} {tuple(weight.shape)}".encode())
        digest.update(some.numpy().tobytes())
    return digest.hexdigest()[:16]


def choose_device(wanted: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into a device that is there, or raise `ModelError`."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ModelError(
            f"{wanted!r} is not a device.", hint="Use auto, cpu, cuda or cuda:0."
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(
            "There is no CUDA device that torch can use.",
            hint="Use device = auto, or install a CUDA build of torch and a driver.",
        )
    return device


def choose_dtype(wanted: str, device: torch.device) -> torch.dtype:
    """Turn `auto` or a name into a dtype: bfloat16 on a GPU, float32 on a CPU.

    For int8 and int4 it is what the weights are loaded in, to be quantised then.
    """
    if wanted == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if wanted not in DTYPES:
        raise ModelError(f"{wanted!r} is not a dtype.", hint=f"Use auto, {', '.join(DTYPES)}.")
    if wanted in QUANTISED:
        check_device(wanted, device)
    return DTYPES[wanted]


def dtype_name(model: "Model") -> str:
    """Name the dtype of a model's weights as the settings do."""
    return quantised_dtype(model) or str(model.dtype).removeprefix("torch.")


def convert(model: "Model", dtype: torch.dtype) -> None:
    """Change the dtype of a model's weights in place.

    What it keeps beside them stays as precise as it is: frequencies of positions, rounded to half
    their digits, would put a text's tokens where they do not stand.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)


def load_tokenizer(location: str) -> ModelTokenizer:
    """Load a fast tokenizer, or raise `ModelError`."""

    def read() -> ModelTokenizer:
        if is_gguf(Path(location)):
            from models.gguf.container import read_gguf
            from models.gguf.tokenizer import tokenizer_of

            return tokenizer_of(read_gguf(Path(location)))
        own = own_format.read_tokenizer(Path(location))
        if own is not None:
            return own
        from models.with_transformers import read_tokenizer

        return read_tokenizer(location)

    return _reading(read, f"No tokenizer could be loaded from {location}", location)


def bind_tokenizer(
    tokenizer: ModelTokenizer,
    model_type: str,
    layout: str | None = None,
    rows: int = 0,
    config: Mapping[str, object] | None = None,
) -> BoundLayout:
    """Find the FIM layout of a tokenizer, which `config` helps to tell, and its token ids.

    A model may have `rows` for more tokens than the tokenizer knows; these end a text as well.
    """
    backend = tokenizer.backend_tokenizer
    vocabulary = backend.get_vocab(with_added_tokens=True)
    unknown = range(backend.get_vocab_size(with_added_tokens=True), rows)
    return bind_layout(
        find_layout(model_type, vocabulary, layout, config),
        vocabulary,
        begin_ids=tokenizer.begin_ids,
        special_ids=[*tokenizer.special_ids, *unknown],
    )


def _load_weights(location: str, dtype: torch.dtype, *, own_code: bool) -> "Model":
    def read() -> "Model":
        if is_gguf(Path(location)):
            from models.gguf.container import read_gguf
            from models.gguf.weights import load_gguf

            return load_gguf(read_gguf(Path(location)), dtype, own_code=own_code)
        config = None if own_code else own_format.read_config(Path(location))
        if config is not None:
            return own_format.read_decoder(Path(location), config, dtype)
        from models.with_transformers import read_model

        return read_model(location, dtype)

    return _reading(read, f"{location} could not be loaded", location)


def _reading(read: Callable[[], Read], failure: str, location: str) -> Read:
    """Call `read`; what goes wrong becomes a `ModelError` that says what to do."""
    try:
        return read()
    except UNLOADABLE as error:
        hint = SMALLER if ran_out(error) else _loading_hint(location)
        raise ModelError(f"{failure}: {_first_line(error)}", hint=hint) from error


def _move(model: "Model", device: torch.device) -> "Model":
    try:
        return model.to(device)  # type: ignore[arg-type]
    except RuntimeError as error:
        if not ran_out(error):
            raise
        gigabytes = sum(each.nbytes for each in model.parameters()) / 1e9
        raise ModelError(
            f"The model's weights ({gigabytes:.1f} GB) do not fit into the memory of {device}.",
            hint=SMALLER,
        ) from None


def _entries(config: Any, location: str) -> dict[str, object]:  # noqa: ANN401  each family's own
    """What a model's config.json says, and where it is from; without that file, its config."""
    place = Path(location)
    if is_gguf(place):
        from models.gguf.config import entries_of
        from models.gguf.container import read_gguf

        return entries_of(read_gguf(place))
    return {**(read_config(place) if place.is_dir() else vars(config)), "source": location}


def _context_limit(config: Any, wanted: int | None) -> int:  # noqa: ANN401  each family's own
    trained = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", 0)
    return min(int(trained or wanted or 2048), wanted or sys.maxsize)


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _loading_hint(location: str) -> str:
    if Path(location).is_dir():
        return INCOMPLETE
    if Path(location).is_file():
        return "Fetch or convert the file again, or use the model's safetensors weights."
    return "Offline, give a local folder. Online, check the id; the weights must be safetensors."
