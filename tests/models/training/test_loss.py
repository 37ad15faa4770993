import torch
import torch.nn.functional as F  # noqa: N812

from models.training.loss import CHUNK, head_loss, token_losses


def test_loss_and_gradients_are_those_of_plain_cross_entropy():
    torch.manual_seed(0)
    positions = CHUNK + 100
    hidden = torch.randn(positions, 16).bfloat16().float().requires_grad_()
    head = torch.randn(50, 16).bfloat16().float().requires_grad_()
    targets = torch.randint(0, 50, (positions,))
    weights = torch.rand(positions) / positions
    total, losses = head_loss(hidden, head, targets, weights)
    mine = torch.autograd.grad(total, (hidden, head))
    reference = F.cross_entropy(hidden @ head.T, targets, reduction="none")
    expected = torch.autograd.grad((reference * weights).sum(), (hidden, head))
    assert torch.allclose(losses, reference, atol=0.05, rtol=0.02)
    assert torch.allclose(losses, token_losses(hidden, head, targets), atol=1e-5)
    for gradient, wanted in zip(mine, expected, strict=True):
        assert (gradient - wanted).norm() < 0.01 * wanted.norm()


def test_a_position_without_weight_moves_nothing():
    hidden = torch.randn(4, 8, requires_grad=True)
    head = torch.randn(10, 8)
    weights = torch.tensor([1.0, 0.0, 1.0, 0.0])
    total, losses = head_loss(hidden, head, torch.tensor([1, 2, 3, 4]), weights)
    (gradient,) = torch.autograd.grad(total, hidden)
    assert gradient[1].abs().max() == 0 < gradient[0].abs().max()
    assert not losses.requires_grad
