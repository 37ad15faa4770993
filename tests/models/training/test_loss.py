import torch
import torch.nn.functional as F  # noqa: N812

from models.training.loss import CHUNK, head_loss


def test_loss_and_gradients_are_those_of_plain_cross_entropy():
    torch.manual_seed(0)
    positions = CHUNK + 100
    hidden = torch.randn(positions, 16).bfloat16().float().requires_grad_()
    head = torch.randn(50, 16).bfloat16().float().requires_grad_()
    targets = torch.randint(0, 50, (positions,))
    weights = torch.rand(positions) / positions
    total, losses = head_loss(hidden, head, targets, weights)
    total.backward()
    mine = hidden.grad, head.grad
    hidden.grad = head.grad = None
    reference = F.cross_entropy(hidden @ head.T, targets, reduction="none")
    (reference * weights).sum().backward()
    assert torch.allclose(losses, reference, atol=0.05, rtol=0.02)
    for computed, expected in zip(mine, (hidden.grad, head.grad), strict=True):
        assert computed is not None
        assert expected is not None
        assert (computed - expected).norm() < 0.01 * expected.norm()


def test_a_position_without_weight_moves_nothing():
    hidden = torch.randn(4, 8, requires_grad=True)
    head = torch.randn(10, 8)
    weights = torch.tensor([1.0, 0.0, 1.0, 0.0])
    total, losses = head_loss(hidden, head, torch.tensor([1, 2, 3, 4]), weights)
    total.backward()
    assert hidden.grad is not None
    assert hidden.grad[1].abs().max() == 0 < hidden.grad[0].abs().max()
    assert not losses.requires_grad
