import pytest
import torch
from torch.nn import Parameter

from models.training.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(24, 24), (16, 48), (48, 16)])
def test_singular_values_come_near_one(shape: tuple[int, int]):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(3, *shape)).float())
    assert values.quantile(0.1) > 0.5  # the smallest of all take more steps
    assert values.max() < 1.4


def test_matrices_of_several_shapes_reach_their_targets():
    torch.manual_seed(0)
    matrices = [
        Parameter(torch.randn(8, 16)),
        Parameter(torch.randn(16, 8)),
        Parameter(torch.eye(8)),
    ]
    targets = [torch.randn_like(matrix) for matrix in matrices]
    optimizer = Muon(matrices, rate=0.05)

    def distance() -> torch.Tensor:
        pairs = zip(matrices, targets, strict=True)
        return torch.stack([(matrix - target).square().mean() for matrix, target in pairs]).sum()

    before = distance().item()
    for _ in range(100):
        optimizer.zero_grad()
        torch.autograd.backward(distance())
        optimizer.step()
    assert distance().item() < 0.1 * before


def test_weight_decay_shrinks_and_a_matrix_without_gradient_stays():
    shrinking, idle = Parameter(torch.eye(4)), Parameter(torch.eye(4))
    shrinking.grad = torch.zeros(4, 4)
    Muon([shrinking, idle], rate=0.1, weight_decay=0.5).step()
    assert torch.allclose(shrinking.detach(), 0.95 * torch.eye(4), atol=1e-3)
    assert torch.equal(idle.detach(), torch.eye(4))
