"""The measured choice of dtype and threads, kept per model and device in the cache folder."""

import hashlib
import json
import logging
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError

from completer.engine.tuning import Tuning, is_quiet, tune
from completer.private_files import private_folder, replace_private_file
from completer.progress import progress
from models.decoder import shape_of
from models.loading import DTYPES, LoadedModel, convert

log = logging.getLogger(__name__)
SAMPLE = "".join(
    f"def area_{n}(width: float, height: float) -> float:\n"
    f'    """Area of shape {n}."""\n'
    f"    if width < 0 or height < 0:\n"
    f"        raise ValueError(width, height)\n"
    f"    return width * height / {n}\n\n\n"
    for n in range(1, 6)
)
_TUNING = TypeAdapter(Tuning)


def tuned(
    model: LoadedModel, cache_folder: Path, *, may_change_dtype: bool, again: bool = False
) -> tuple[LoadedModel, Tuning]:
    """Return the model as it runs fastest here, and what was measured.

    Measures when nothing is saved for this model on this device, or when `again` is set; once more
    on a quiet machine where the first time was on a busy one.
    """
    file = cache_folder / "tuning" / f"{_key(model, may_change_dtype)}.json"
    saved = None if again else _load(file)
    if saved is not None and (saved.quiet or not is_quiet()):
        if model.dtype_name != saved.dtype:
            convert(model.model, DTYPES[saved.dtype])
        return replace(model, dtype=model.model.dtype), saved
    progress.info("measuring how %s runs fastest here, once ...", model.name)
    sample = model.tokenizer.backend_tokenizer.encode(SAMPLE, add_special_tokens=False).ids
    with ThreadPoolExecutor(1) as apart:  # what torch keeps for a thread goes with the thread
        trying = apart.submit(tune, model.model, sample, may_change_dtype=may_change_dtype)
        fastest, tuning = trying.result()
    _save(file, tuning)
    return replace(model, model=fastest, dtype=fastest.dtype), tuning


def _key(model: LoadedModel, may_change_dtype: bool) -> str:
    device = model.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    parameters = sum(parameter.numel() for parameter in model.model.parameters())
    facts = (
        model.name,
        shape_of(model.model),
        parameters,
        model.dtype_name,
        may_change_dtype,
        name,
        os.cpu_count(),
        torch.__version__,
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def _load(file: Path) -> Tuning | None:
    try:
        return _TUNING.validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.warning("%s is not used and will be replaced: %s", file, error)
        return None


def _save(file: Path, tuning: Tuning) -> None:
    """Write beside and rename, so that two processes never see half a file."""
    try:
        private_folder(file.parent)
        replace_private_file(file, json.dumps(asdict(tuning)).encode())
    except OSError as error:
        log.warning("the measured choice could not be saved in %s: %s", file.parent, error)
