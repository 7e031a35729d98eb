"""PSTNN: a patch-tensor and the partial sum of its tensor nuclear norm."""

from functools import partial

import numpy as np

from ...errors import ConfigError, check_least, check_positive
from ...registry import METHODS
from .patches import PatchGrid, PatchModel
from .singular_values import map_fourier_slices, partial_sum, singular_values
from .structure_tensor import scaled, structure_eigenvalues

__all__ = ['PSTNN']

_PENALTY, _CONTINUE, _LARGEST_PENALTY = 2e-3, 1.05, 1e10


@METHODS.register_module()
class PSTNN(PatchModel):
    r"""Partial sum of the tensor nuclear norm, with a prior for corners.

    The patches, in grey levels, are the slices of a tensor ``F = B + T``; a bar marks slices after a Fourier transform
    over the patches:

    .. math:: \min_{B, T \ge 0} \sum_{k} \sum_{i > N} \sigma_i(\bar B^{(k)}) + \lambda \|W \odot T\|_1, \qquad
              W = \frac{N}{(|T| + 0.01)\, W_p}, \qquad
              W_p \propto \frac{\lambda_1 \lambda_2}{\lambda_1 + \lambda_2} \max(\lambda_1, \lambda_2)

    with the eigenvalues of the structure tensor and ``W_p`` scaled to 0..1: spots are weighted least, flat regions
    (``W_p = 0``) hold no target. By alternating directions with ``mu = 0.002``, times 1.05 each iteration: the ``N``
    largest singular values of every slice stay and the others are shrunk by ``1 / mu``; what is left is shrunk by
    ``W lambda / mu`` and kept where positive. ``lambda = 0.7 / sqrt(max(h, w) P)``. It ends when the relative error of
    ``B + T`` is below ``tolerance``, when the number of positive entries of ``T`` is that of the iteration before and
    not 0, or after ``max_iterations``.

    Args:
        patch: Side of a patch.
        step: Pixels between two patches.
        sparsity: ``lambda`` times the root of the longer side of a patch times the number of patches; above 0.
        rank_ratio: ``N`` counts the singular values of at least this share of the largest.
        overlap: See :class:`PatchModel`. The authors' code keeps the last patch's value, ``'overwrite'``.
        tolerance: See above.
        max_iterations: See above.
        svd: See :class:`PatchModel`.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        ``N`` is counted as in the authors' code, over the tensor's numbers in MATLAB's order cut into rows of ``P``,
        which is none of its unfoldings. The structure tensor smooths by 3x3 Gaussians of standard deviation 2 and 9, as
        there. The code fills the slices up to ``round(P / 2)`` and mirrors them; a Python port whose ``round`` goes to
        the even number leaves two slices empty where ``P = 4 j + 1``. Here none is, see
        :func:`~.singular_values.map_fourier_slices`.

        ``mu`` is set for grey levels and tens of patches. In an image of fewer, the first threshold is higher
        (27 levels for 4 patches of 40x40, 8 for 49) and the background takes in a target that does not pass it: a
        target 90 levels above its surroundings is missed in a 33x47 image and found in a 48x60 one.

    References:
        Zhang, Peng: Infrared small target detection based on partial sum of the tensor nuclear norm, Remote Sensing
        11(4), 382, 2019, and the authors' public code.
    """

    def __init__(self, patch: int = 40, step: int = 40, sparsity: float = 0.7, rank_ratio: float = 0.1,
                 overlap: str = 'overwrite', tolerance: float = 1e-3, max_iterations: int = 500,
                 svd: str = 'gram') -> None:
        super().__init__(patch, step, overlap, svd, tolerance, max_iterations)
        check_positive(self, sparsity=sparsity)
        check_least(self, 0, rank_ratio=rank_ratio)
        if rank_ratio > 1:
            raise ConfigError(f'rank_ratio={rank_ratio}: a share of the largest singular value, 0 to 1, is expected.')
        self.sparsity, self.rank_ratio = sparsity, rank_ratio

    def targets(self, image: np.ndarray, grid: PatchGrid) -> np.ndarray:
        return self.decompose(grid.split(image), grid.split(corner_prior(image)))[1]

    def rank(self, tensor: np.ndarray) -> int:
        """``N`` of a tensor ``(P, h, w)``."""
        values = singular_values(tensor.swapaxes(1, 2).reshape(-1, len(tensor)), self.svd)
        return max(1, int((values >= self.rank_ratio * values[0]).sum()))

    def decompose(self, tensor: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``F``, ``(P, h, w)``, to background and targets.

        Args:
            tensor: ``F``.
            prior: ``W_p``, ``(P, h, w)``.
        """
        keep, size, mu = self.rank(tensor), np.linalg.norm(tensor), _PENALTY
        weight = self.sparsity / np.sqrt(max(tensor.shape[1:]) * len(tensor))
        sparse, multiplier, weights, count = np.zeros_like(tensor), np.zeros_like(tensor), 1.0, 0
        for _ in range(self.max_iterations):
            shifted = tensor - multiplier / mu
            low = map_fourier_slices(shifted - sparse, partial(partial_sum, keep=keep, threshold=1 / mu), self.svd)
            sparse = np.maximum(shifted - low - weights * (weight / mu), 0)
            with np.errstate(divide='ignore'):
                weights = keep / (sparse + 0.01) / prior  # infinite where the prior is 0
            missing = low + sparse - tensor
            count_before, count = count, int(np.count_nonzero(sparse))
            if np.linalg.norm(missing) < self.tolerance * size or 0 < count == count_before:
                break
            multiplier = multiplier + mu * missing
            mu = min(_CONTINUE * mu, _LARGEST_PENALTY)
        return low, sparse


def corner_prior(image: np.ndarray) -> np.ndarray:
    """``W_p`` of an image ``(H, W)``, 0..1."""
    larger, smaller = structure_eigenvalues(image, before=2.0, after=9.0)
    total = larger + smaller
    strength = np.divide(larger * smaller, total, out=np.zeros_like(total), where=total > 0)
    return scaled(strength * larger)
