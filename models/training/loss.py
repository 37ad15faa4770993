"""Next-token cross-entropy through the tied head, a chunk at a time, with and without gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

CHUNK = 1024  # positions whose logits exist at one time
GPU_CHUNK = 16_384  # on a GPU, which has the memory, and is idle while kernels are launched

ChunkErrors = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def chunk_errors(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of the weighted loss by `logits [n, vocabulary]` in bfloat16, and losses `[n]`.

    Compiled, its passes over memory are fused, which halves the time of the head.
    """
    scores = logits.float()
    normaliser = torch.logsumexp(scores, dim=-1, keepdim=True)
    losses = normaliser.squeeze(1) - scores.gather(1, targets[:, None]).squeeze(1)
    minus_one = -torch.ones_like(losses)[:, None]
    errors = torch.exp(scores - normaliser).scatter_add(1, targets[:, None], minus_one)
    return (errors * weights[:, None]).bfloat16(), losses


def head_loss(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    weights: Tensor,
    errors: ChunkErrors = chunk_errors,
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of `hidden [N, width]` through `head [vocabulary, width]`.

    Returns the sum weighted by `weights [N]`, which carries gradients, and the unweighted loss of
    each position `[N]`, which does not.
    """
    total, losses = _HeadLoss.apply(hidden, head, targets, weights, errors)  # type: ignore[no-untyped-call]
    return total, losses


@torch.no_grad()
def token_losses(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """The loss of each position `[N]` of `hidden [N, width]`, for measuring only."""
    matrix = head.bfloat16()
    chunks = zip(torch.split(hidden.bfloat16(), CHUNK), torch.split(targets, CHUNK), strict=True)
    return torch.cat(
        [F.cross_entropy((rows @ matrix.T).float(), ids, reduction="none") for rows, ids in chunks]
    )


class _HeadLoss(torch.autograd.Function):
    """Computes the gradient together with the loss: `[N, vocabulary]` is never held whole.

    The products run in bfloat16, softmax and sums in float32.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        hidden: Tensor,
        head: Tensor,
        targets: Tensor,
        weights: Tensor,
        errors: ChunkErrors,
    ) -> tuple[Tensor, Tensor]:
        rows, matrix = hidden.detach().bfloat16(), head.detach().bfloat16()
        hidden_grad = torch.empty_like(rows)
        head_grad = torch.zeros_like(head, dtype=torch.float32)
        losses = torch.empty(len(rows), device=rows.device)
        size = GPU_CHUNK if rows.is_cuda else CHUNK
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            error, losses[part] = errors(rows[part] @ matrix.T, targets[part], weights[part])
            hidden_grad[part] = error @ matrix
            head_grad += error.T @ rows[part]
        ctx.save_for_backward(hidden_grad.to(hidden.dtype), head_grad.to(head.dtype))
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(
        ctx: torch.autograd.function.BackwardCFunction, *grads: Tensor
    ) -> tuple[Tensor | None, ...]:
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        hidden_grad, head_grad = saved
        return hidden_grad * grads[0], head_grad * grads[0], None, None, None
