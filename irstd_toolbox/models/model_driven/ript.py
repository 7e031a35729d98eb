"""RIPT, the reweighted infrared patch-tensor model."""

from functools import partial

import numpy as np

from ...errors import check_least
from ...registry import METHODS
from .patches import PatchGrid, PatchModel
from .singular_values import soft_threshold, unfold_and_map
from .structure_tensor import scaled, structure_eigenvalues

__all__ = ['RIPT']

_CONTINUE = 1.5


@METHODS.register_module()
class RIPT(PatchModel):
    r"""Reweighted infrared patch-tensor: nonlocal and local priors.

    The patches, in grey levels, are the slices of a tensor ``F = B + T``:

    .. math:: \min_{B, T \ge 0} \sum_{i=1}^{3} \|B_{(i)}\|_* + \lambda \|W \odot T\|_1, \qquad
              W = \frac{W_{LS}}{|T| + 0.01}, \quad
              W_{LS} = \exp\!\left(h\, \frac{d - \min d}{\max d - \min d}\right), \quad d = \lambda_1 - \lambda_2

    ``B_(i)`` are the three unfoldings; ``lambda_1``, ``lambda_2`` the eigenvalues of the structure tensor, so edges are
    weighted up to ``e^h`` times as much as spots. By alternating directions with one background and one multiplier an
    unfolding: singular values shrunk by ``mu``; the mean of what is left shrunk by ``W lambda mu / 3`` and kept where
    positive; ``mu = 5 std(F)``, divided by 1.5 each iteration. It ends when the number of positive entries of ``T`` is
    that of the iteration before, when the relative error of ``B + T`` is below ``tolerance``, or after
    ``max_iterations``.

    Args:
        patch: Side of a patch.
        step: Pixels between two patches.
        sparsity: ``lambda`` times the root of the tensor's shortest side.
        edge_weight: ``h``.
        overlap: See :class:`PatchModel`. The authors' code exists in two versions, one keeps the last patch's value,
            ``'overwrite'``, the other takes the ``'mean'``, which its name says and which is the default.
        tolerance: See above.
        max_iterations: See above; the authors' code has no such limit.
        svd: See :class:`PatchModel`.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        The structure tensor smooths by 3x3 Gaussians of standard deviation 1.2 and 2, as in the authors' code. In the
        first iteration the weights are ``W_LS`` alone.

    References:
        Dai, Wu: Reweighted infrared patch-tensor model with both nonlocal and local priors for single-frame small
        target detection, IEEE Journal of Selected Topics in Applied Earth Observations and Remote Sensing 10(8), 2017,
        and the authors' public code.
    """

    def __init__(self, patch: int = 30, step: int = 10, sparsity: float = 0.7, edge_weight: float = 1.0,
                 overlap: str = 'mean', tolerance: float = 1e-7, max_iterations: int = 100, svd: str = 'gram') -> None:
        super().__init__(patch, step, overlap, svd, tolerance, max_iterations)
        check_least(self, 0, sparsity=sparsity, edge_weight=edge_weight)
        self.sparsity, self.edge_weight = sparsity, edge_weight

    def targets(self, image: np.ndarray, grid: PatchGrid) -> np.ndarray:
        larger, smaller = structure_eigenvalues(image, before=1.2, after=2.0)
        prior = grid.split(np.exp(self.edge_weight * scaled(larger - smaller)))
        return self.decompose(grid.split(image), prior)[1]

    def decompose(self, tensor: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``F``, ``(P, h, w)``, to background and targets.

        Args:
            tensor: ``F``.
            prior: ``W_LS``, ``(P, h, w)``.
        """
        size, weight = np.linalg.norm(tensor), self.sparsity / np.sqrt(min(tensor.shape))
        mu = 5 * tensor.std(ddof=1)
        low, multipliers = [tensor] * 3, [np.zeros_like(tensor)] * 3
        sparse, weights, count = np.zeros_like(tensor), prior, tensor.size
        for _ in range(self.max_iterations):
            shifted = [tensor + mu * multiplier for multiplier in multipliers]
            low = [unfold_and_map(part - sparse, axis, partial(soft_threshold, threshold=mu), self.svd, floor=mu)
                   for axis, part in enumerate(shifted)]
            rest = sum(part - background for part, background in zip(shifted, low, strict=True)) / 3
            sparse = np.maximum(rest - weights * (mu * weight / 3), 0)
            weights = prior / (sparse + 0.01)
            multipliers = [multiplier - (background + sparse - tensor) / mu
                           for multiplier, background in zip(multipliers, low, strict=True)]
            mu /= _CONTINUE
            count_before, count = count, int(np.count_nonzero(sparse))
            if count == count_before or np.linalg.norm(tensor - sum(low) / 3 - sparse) < self.tolerance * size:
                break
        return sum(low) / 3, sparse
