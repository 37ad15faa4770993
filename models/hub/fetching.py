"""A model comes from the hub, or leaves its cache: safetensors, GGUF and text files, nothing else.

huggingface_hub compares no checksums: that is done here, with what the repository states for each
file, of weights before they stand where others find them.
"""

import hashlib
import logging
import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ModelError
from models.hub.download import download
from models.hub.local import local_models
from models.source import PICKLES, hub, hub_answers, refuse_own_code

if TYPE_CHECKING:
    from huggingface_hub.hf_api import BlobLfsInfo, RepoSibling

log = logging.getLogger(__name__)

TEXTS = ("config.json", "generation_config.json", "tokenizer*.json", "special_tokens_map.json")
VOCABULARIES = ("vocab.json", "added_tokens.json", "merges.txt", "tokenizer.model")
WEIGHTS = ("model*.safetensors", "model.safetensors.index.json")
PREFERRED_GGUF = ("*q8_0.gguf", "*q6_k.gguf", "*q5_k_m.gguf", "*q4_k_m.gguf", "*.gguf")
SILENT_AFTER_S = 0.8
_SPARE = 1 << 28  # bytes that stay free on the disk
_CHUNK = 1 << 20


def pull(repo: str, file: str | None = None) -> str:
    """Fetch a model, and return what `--model` takes: the repository's id, or a GGUF file's path.

    Raises `ModelError` if the hub cannot be reached, has no such model, wants to be asked first,
    or has only what is not fetched; and for a full disk or a file with another checksum.
    """
    from huggingface_hub import hf_hub_download

    _check_hub()
    try:
        revision, listed = _listed(repo)
        wanted = _wanted(repo, listed, file)
        _check_disk(_missing(repo, revision, wanted))
        paths = [_fetch(repo, revision, each) for each in wanted]
        hf_hub_download(repo, wanted[0].rfilename, endpoint=hub())  # notes the present revision
    except ModelError:
        raise
    except Exception as error:  # whatever the hub's library, the network and the disk raise
        raise _refusal(repo, error) from error
    return next((str(path) for path in paths if path.suffix == ".gguf"), repo)


def _fetch(repo: str, revision: str, listed: "RepoSibling") -> Path:
    from huggingface_hub import hf_hub_download

    if listed.lfs is not None:
        _fetch_weights(repo, revision, listed.rfilename, listed.lfs)
    path = Path(hf_hub_download(repo, listed.rfilename, revision=revision, endpoint=hub()))
    if listed.lfs is None:
        _verify(path, listed.rfilename, listed.blob_id, git=True)
    if path.name == "config.json":
        refuse_own_code(path.parent)
    return path


def _fetch_weights(repo: str, revision: str, name: str, large: "BlobLfsInfo") -> None:
    """Put a large file where huggingface_hub keeps the bytes of files, under their checksum."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    folder = repo_folder_name(repo_id=repo, repo_type="model")
    blob = Path(constants.HF_HUB_CACHE) / folder / "blobs" / large.sha256
    if not blob.exists():
        url = hf_hub_url(repo, name, revision=revision, endpoint=hub())
        get_hf_file_metadata(url)  # raises where one has to agree first
        part = blob.with_suffix(".part")
        download(url, build_hf_headers(), part, large.size)
        _verify(part, name, large.sha256)
        part.replace(blob)


def _check_hub() -> None:
    """Say within a second that the hub is silent, and what is here; give a slow one some more."""
    if hub_answers(SILENT_AFTER_S):
        return
    here = ", ".join(each.name for each in local_models()) or "the embedded model alone"
    log.info("the hub (%s) does not answer so far; on this machine: %s", hub(), here)
    if not hub_answers():
        raise ModelError(
            f"The hub ({hub()}) cannot be reached.",
            hint="`completer model use NAME` takes what is on this machine.",
        )


def remove(repo: str) -> int:
    """Take a model out of Hugging Face's cache; returns how many bytes that frees."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cache = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        raise _absent(repo) from None
    found = [each for each in cache.repos if each.repo_type == "model" and each.repo_id == repo]
    if not found:
        raise _absent(repo)
    revisions = [revision.commit_hash for each in found for revision in each.revisions]
    plan = cache.delete_revisions(*revisions)
    plan.execute()
    return plan.expected_freed_size


def _absent(repo: str) -> ModelError:
    return ModelError(
        f"{repo} is not in Hugging Face's cache.",
        hint="Only what lies there is removed; `completer model list` shows where models are.",
    )


def _listed(repo: str) -> "tuple[str, list[RepoSibling]]":
    """The present revision, and the files at its top."""
    from huggingface_hub import HfApi

    info = HfApi(endpoint=hub()).model_info(repo, files_metadata=True)
    top = [each for each in info.siblings or [] if "/" not in each.rfilename]
    return str(info.sha), top


def _wanted(repo: str, listed: "Sequence[RepoSibling]", file: str | None) -> "list[RepoSibling]":
    names = [each.rfilename for each in listed]
    chosen = _gguf(repo, names, file)
    if chosen is None and not _like(names, WEIGHTS[:1]):
        pickled = _like(names, PICKLES)
        raise ModelError(
            f"{repo} has no safetensors and no GGUF weights"
            + (f", only pickles ({pickled[0]}), which can run code." if pickled else "."),
            hint="Look for a repository of the same model with safetensors.",
        )
    keep = [chosen] if chosen else _like(names, (*WEIGHTS, *TEXTS, *VOCABULARIES))
    found = [each for each in listed if each.rfilename in keep]
    return sorted(found, key=lambda each: each.size or 0)  # what speaks against it comes first


def _gguf(repo: str, names: Sequence[str], file: str | None) -> str | None:
    """The GGUF file that is meant: the one that is named, or of several the most exact."""
    there = _like(names, ("*.gguf",))
    if file is not None and file not in there:
        raise ModelError(
            f"{repo} has no file {file!r}.", hint=f"It has {', '.join(there) or 'no GGUF file'}."
        )
    if file is not None or _like(names, WEIGHTS[:1]):
        return file
    return next(iter(_like(there, PREFERRED_GGUF)), None)


def _like(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """The names that fit a pattern, those of the first pattern first."""
    return [name for each in patterns for name in names if fnmatch(name.lower(), each)]


def _missing(repo: str, revision: str, wanted: "Sequence[RepoSibling]") -> int:
    """How many bytes are still to come, but for what lies there of a download broken off."""
    from huggingface_hub import try_to_load_from_cache

    here = (try_to_load_from_cache(repo, each.rfilename, revision=revision) for each in wanted)
    return sum(
        each.size or 0 for each, path in zip(wanted, here, strict=True) if not isinstance(path, str)
    )


def _check_disk(needed: int) -> None:
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if needed + _SPARE > free:
        raise ModelError(
            f"{needed / 1e9:.1f} GB are to be fetched, and {free / 1e9:.1f} GB of {folder} are"
            " free.",
            hint="Free some, or set HF_HOME to a folder on another disk.",
        )


def _verify(path: Path, name: str, stated: str | None, *, git: bool = False) -> None:
    """Compare a file with the checksum that its repository states; a wrong one is thrown away."""
    digest = hashlib.sha1(usedforsecurity=False) if git else hashlib.sha256()
    if git:
        digest.update(f"blob {path.stat().st_size}\0".encode())  # as git names its objects
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if stated and stated != digest.hexdigest():
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise ModelError(
            f"{name} has another checksum than the hub states, and was thrown away.",
            hint="Fetch it again; if that does not help, do not trust the network in between.",
        )


def _refusal(repo: str, error: Exception) -> ModelError:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return ModelError(
            f"{repo} is given only to those who have agreed to its terms.",
            hint=f"Agree at {hub()}/{repo}, and set HF_TOKEN to a token of yours.",
        )
    if isinstance(error, RepositoryNotFoundError):
        return ModelError(
            f"The hub has no model {repo}, or not for you.",
            hint="Check the id; for a private one set HF_TOKEN to a token of yours.",
        )
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ModelError(
        f"{repo} could not be fetched: {said}", hint="Try again: it goes on where it was."
    )
