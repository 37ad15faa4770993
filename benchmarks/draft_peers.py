"""Other drafters on the same walks: transformers' prompt lookup, ArcticInference where it is."""

from importlib import import_module
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from transformers.generation.candidate_generator import PromptLookupCandidateGenerator

from benchmarks.draft_cases import DraftCases, Int32s
from benchmarks.draft_walks import MAX_TREE
from completer.drafting.tree import DraftSource, DraftTree

SuffixTree: TypeAlias = Any
"""ArcticInference's; it has no stubs."""

LOOKUP_TOKENS, LOOKUP_NGRAM = 10, 2
LOOKUP_REPOSITORY_TOKENS = 4096
"""A prompt has room for so much of the repository before the file."""
_ARCTIC_DEPTH = 64


class PromptLookup:
    """transformers' prompt lookup over some repository text, then the file so far."""

    def __init__(self, repository: Int32s, context: Int32s) -> None:
        self._ids = np.concatenate((repository, context)).astype(np.int64)
        self._generator = PromptLookupCandidateGenerator(
            num_output_tokens=LOOKUP_TOKENS,
            max_matching_ngram_size=LOOKUP_NGRAM,
            max_length=1 << 30,
        )

    def propose(self) -> DraftTree:
        """Return what followed the first occurrence of the last tokens."""
        context = cast(torch.LongTensor, torch.from_numpy(self._ids)[None])
        with_draft, _ = self._generator.get_candidates(context)
        drafted = with_draft[0, len(self._ids) :].numpy().astype(np.int32)
        return DraftTree.path(drafted, np.ones(len(drafted), np.float32), DraftSource.REPOSITORY)

    def observe(self, tree: DraftTree, accepted: list[int]) -> None:
        """Append what followed."""
        self._ids = np.append(self._ids, accepted)


def lookup_repository(cases: DraftCases) -> Int32s:
    """Return the repository's last tokens, as far as a prompt would have room for them."""
    streams = list(cases.indexed(cases.held_out).values())
    return np.concatenate(streams)[-LOOKUP_REPOSITORY_TOKENS:]


class Arctic:
    """ArcticInference's suffix trees: one over the repository, one over the file so far."""

    def __init__(
        self, repository: SuffixTree, tree_type: type[SuffixTree], context: Int32s
    ) -> None:
        self._repository, self._own = repository, tree_type(_ARCTIC_DEPTH)
        self._context = context.astype(np.int32)
        self._own.extend_ndarray(0, self._context)

    def propose(self) -> DraftTree:
        """Return the better of the two trees' drafts, by their own score."""
        pattern = self._context[-_ARCTIC_DEPTH:]
        drafts = [
            tree.speculate_ndarray(pattern, MAX_TREE, 1.0, 0.0, 0.1, True)
            for tree in (self._own, self._repository)
        ]
        draft = max(drafts, key=lambda draft: draft.score)
        n = len(draft.token_ids)
        return DraftTree(
            np.array(draft.token_ids, np.int32),
            np.array(draft.parents, np.int32),
            np.array(draft.probs, np.float32),
            np.zeros(n, np.int8),
        )

    def observe(self, tree: DraftTree, accepted: list[int]) -> None:
        """Append what followed."""
        tokens = np.array(accepted, np.int32)
        self._context = np.append(self._context, tokens)
        self._own.extend_ndarray(0, tokens)


def arctic_tree_type() -> type[SuffixTree] | None:
    """Return ArcticInference's suffix tree, or None where it is not installed."""
    try:
        module = import_module("arctic_inference.suffix_decoding._C")
    except ImportError:
        return None
    tree_type: type[SuffixTree] = module.SuffixTree
    return tree_type


def arctic_over(cases: DraftCases, tree_type: type[SuffixTree]) -> SuffixTree:
    """Return an ArcticInference tree over a package without what is held out."""
    tree = tree_type(_ARCTIC_DEPTH)
    for number, ids in enumerate(cases.indexed(cases.held_out).values()):
        tree.extend_ndarray(number, ids)
    return tree
