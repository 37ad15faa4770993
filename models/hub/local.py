"""What lies on this machine already: the folders of Hugging Face, LM Studio, Ollama and llama.cpp.

Ollama's files have no names: a manifest says which blob holds a model's weights. Where folders are
is what each program documents, with the variables that move them.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.source import read_config

HUGGING_FACE, LM_STUDIO, OLLAMA, LLAMA_CPP = "Hugging Face", "LM Studio", "Ollama", "llama.cpp"
_OLLAMA_WEIGHTS = "application/vnd.ollama.image.model"
_MOST_FILES = 10_000  # that are looked at in one folder


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that is here: `source` is what `--model` takes, `size` in bytes."""

    name: str
    where: str
    source: str
    size: int


def local_models() -> list[LocalModel]:
    """Return all that is found, Hugging Face's first; what cannot be read is left out."""
    return [*_hugging_face(), *_lm_studio(), *_ollama(), *_llama_cpp()]


def _hugging_face() -> Iterator[LocalModel]:
    from huggingface_hub import constants

    for folder in _sorted(Path(constants.HF_HUB_CACHE), "models--*/snapshots/*"):
        repo = folder.parent.parent.name.removeprefix("models--").replace("--", "/")
        for file in _sorted(folder, "*.gguf"):
            yield LocalModel(f"{repo}:{file.name}", HUGGING_FACE, str(file), _size(file))
        weights = list(folder.glob("*.safetensors"))
        if weights and _is_decoder(folder):
            yield LocalModel(repo, HUGGING_FACE, repo, sum(map(_size, weights)))


def _is_decoder(folder: Path) -> bool:
    """Whether a folder's config may be that of a model that generates text."""
    with suppress(Exception):  # whatever is wrong with it, it is not offered
        kinds: Any = read_config(folder).get("architectures") or []
        return any("CausalLM" in str(kind) or "LMHead" in str(kind) for kind in kinds)
    return False


def _lm_studio() -> Iterator[LocalModel]:
    for root in (Path.home() / ".lmstudio/models", Path.home() / ".cache/lm-studio/models"):
        for file in _sorted(root, "*/*/*.gguf"):
            yield LocalModel(str(file.relative_to(root)), LM_STUDIO, str(file), _size(file))


def _llama_cpp() -> Iterator[LocalModel]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llama.cpp"
    for file in _sorted(Path(os.environ.get("LLAMA_CACHE") or cache), "*.gguf"):
        yield LocalModel(file.name, LLAMA_CPP, str(file), _size(file))


def _ollama() -> Iterator[LocalModel]:
    root = Path(os.environ.get("OLLAMA_MODELS") or Path.home() / ".ollama/models")
    for manifest in _sorted(root / "manifests", "*/*/*/*"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            layers = json.loads(manifest.read_text(encoding="utf-8"))["layers"]
            digest = next(e["digest"] for e in layers if e["mediaType"] == _OLLAMA_WEIGHTS)
            blob = root / "blobs" / Path(str(digest).replace(":", "-")).name
            name = f"{manifest.parent.name}:{manifest.name}"
            yield LocalModel(name, OLLAMA, str(blob), blob.stat().st_size)


def _sorted(root: Path, pattern: str) -> list[Path]:
    with suppress(OSError):
        found = (path for path, _ in zip(root.glob(pattern), range(_MOST_FILES), strict=False))
        return sorted(found)
    return []


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # a link that leads nowhere
        return 0
