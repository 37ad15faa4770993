"""Where a model is, and what speaks against it, told before torch is imported."""

import json
import os
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from models.errors import ModelError
from models.fim import find_layout
from models.tokenizer import read_tokenizer_file

BUNDLED = "bundled"
BUNDLED_FOLDER = Path(__file__).parent / "bundled"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
GGUF = b"GGUF"
HUB_ANSWERS_WITHIN_S = 3.0
PICKLES = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
INCOMPLETE = "Check that the folder is complete: config.json, tokenizer.json, *.safetensors."


def check_source(source: str, layout: str | None = None) -> str:
    """Return where a model is: see `resolve_source`.

    Raises `ModelError` for what can neither be loaded nor fill in the middle, as far as is seen.
    Reads the tokenizer and what the weights' files say of themselves; on the hub, nothing.
    """
    location = resolve_source(source)
    folder = Path(location)
    if folder.is_file():
        _check_gguf(folder, layout)
    if not folder.is_dir():
        return location
    try:
        for file in folder.glob("*.safetensors"):
            with safe_open(file, "numpy"):
                pass
        tokenizer = folder / "tokenizer.json"
        known = read_tokenizer_file(tokenizer).get_vocab() if tokenizer.is_file() else None
    except (SafetensorError, ValueError, OSError) as error:
        raise ModelError(f"{folder} could not be loaded: {error}", hint=INCOMPLETE) from error
    if known is not None:
        config = {**read_config(folder), "source": location}
        find_layout(
            str(config.get("model_type")), known, layout or config.get("fim_layout"), config
        )
    return location


def resolve_source(source: str) -> str:
    """Turn a setting into what transformers takes, having refused what must not be loaded.

    Without the hub, what was fetched from it before is the folder that it lies in.
    """
    if source == BUNDLED:
        return str(BUNDLED_FOLDER)
    folder = Path(source).expanduser()
    if folder.is_dir():
        _check_folder(folder)
        return str(folder)
    if is_gguf(folder):
        return str(folder)
    if folder.exists() or not HUB_ID.fullmatch(source):
        raise ModelError(
            f"{source!r} is neither a folder, nor a GGUF file, nor a hub id.",
            hint="Give a folder with config.json and *.safetensors, or an id such as org/name.",
        )
    return source if hub_answers() else _fetched(source)


def read_config(folder: Path) -> dict[str, Any]:
    """Return what a model's config.json says; raises `ModelError` if that is no JSON object."""
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise ModelError(f"{file} is not a model's: it holds no object.")
    return config


def is_gguf(path: Path) -> bool:
    """Whether a path is meant to be a GGUF file: by its name, or by its first bytes."""
    if not path.is_file():
        return False
    if path.suffix.lower() == ".gguf":
        return True
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(GGUF)) == GGUF
    return False


def _check_gguf(path: Path, layout: str | None) -> None:
    from models.gguf.config import entries_of
    from models.gguf.container import read_gguf
    from models.gguf.tokenizer import check_marks, vocabulary_of

    file = read_gguf(path)
    said, known = entries_of(file), vocabulary_of(file)
    check_marks(file, find_layout(said["model_type"], known, layout or said["fim_layout"], said))


def refuse_own_code(folder: Path) -> None:
    """Raise `ModelError` for a model that needs Python code of its own."""
    if "auto_map" in read_config(folder):
        raise ModelError(
            f"{folder} needs Python code of its own (auto_map in config.json), which is never run.",
            hint="Choose a model that transformers supports by itself.",
        )


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file() and (files := sorted(folder.glob("*.gguf"))):
        raise ModelError(f"{folder} holds GGUF files.", hint=f"Name one, such as {files[0]}.")
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{folder} is not a model: it has no config.json.",
            hint="A model folder has config.json, tokenizer.json and *.safetensors.",
        )
    refuse_own_code(folder)
    if not any(folder.glob("*.safetensors")):
        pickled = [file.name for pattern in PICKLES for file in folder.glob(pattern)]
        raise ModelError(
            f"{folder} has no safetensors weights"
            + (f", only pickles ({pickled[0]}), which can run code." if pickled else "."),
            hint="Convert the weights to safetensors: model.save_pretrained(folder) does.",
        )


def hub_answers(within_s: float = HUB_ANSWERS_WITHIN_S) -> bool:
    """Whether anything answers at the hub's address in time, where transformers tries for long.

    A thread asks: looking up a name has no time limit of its own.
    """
    import httpx
    from huggingface_hub.constants import HF_HUB_OFFLINE

    answers: list[httpx.Response] = []

    def ask() -> None:
        with suppress(httpx.HTTPError, httpx.InvalidURL, OSError):  # certificates do not matter yet
            answers.append(httpx.head(hub(), timeout=within_s, verify=False))  # noqa: S501

    asking = threading.Thread(target=ask, name="ask the hub", daemon=True)
    if not HF_HUB_OFFLINE:
        asking.start()
        asking.join(within_s)
    return bool(answers)


def hub() -> str:
    """Return the hub's address."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co")


def _fetched(source: str) -> str:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = snapshot_download(source, local_files_only=True)
    except LocalEntryNotFoundError:
        raise ModelError(
            f"{source} is not on this machine, and the hub ({hub()}) cannot be reached.",
            hint="Give a local folder, or try again where the hub can be reached.",
        ) from None
    _check_folder(Path(folder))
    return folder
