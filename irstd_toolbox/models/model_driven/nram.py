"""NRAM: a patch-image whose background is of low rank and has strong edges besides."""

from functools import partial

import numpy as np

from ...errors import check_positive
from ...registry import METHODS
from .patches import PatchGrid, PatchModel
from .singular_values import map_singular_values
from .structure_tensor import scaled

__all__ = ['NRAM', 'gamma_norm_step', 'shrink_columns']

_CONTINUE, _LARGEST_INNER, _INNER_TOLERANCE = 1.1, 100, 1e-6


def gamma_norm_step(values: np.ndarray, start: np.ndarray, mu: float, gamma: float) -> np.ndarray:
    r"""Singular values after a step for the gamma norm, by difference-of-convex programming.

    .. math:: \|L\|_\gamma = \sum_i \frac{(1 + \gamma) \sigma_i}{\gamma + \sigma_i}, \qquad
              z \leftarrow \max\!\left(\sigma - \frac{(1 + \gamma) \gamma}{\mu\, (\gamma + z)^2},\, 0\right)

    repeated until ``z`` moves by less than 1e-3 in norm, at most 100 times. Large values are hardly shrunk, so the norm
    is nearer to the rank than the nuclear norm is.

    Args:
        values: The singular values ``sigma``, largest first.
        start: ``z`` to begin with, the values of the last step; of more numbers the first ones count.
        mu: Penalty.
        gamma: Above 0; the norm becomes the rank as it goes to 0.
    """
    start = start[:len(values)]
    for _ in range(_LARGEST_INNER):
        moved = np.maximum(values - (1 + gamma) * gamma / (mu * (gamma + start) ** 2), 0)
        if np.sum((moved - start) ** 2) < _INNER_TOLERANCE:
            return moved
        start = moved
    return start


def shrink_columns(matrix: np.ndarray, threshold: float) -> np.ndarray:
    r"""The proximal step of the norm 2,1: each column's length is reduced by ``threshold``, down to 0.

    .. math:: \arg\min_E t \sum_j \|e_j\|_2 + \tfrac12 \|E - X\|_F^2
    """
    lengths = np.linalg.norm(matrix, axis=0)
    return matrix * np.divide(np.maximum(lengths - threshold, 0), lengths, out=np.zeros_like(lengths),
                              where=lengths > 0)


@METHODS.register_module()
class NRAM(PatchModel):
    r"""Non-convex rank approximation minimisation joint with the norm 2,1.

    The patches, scaled together to 0..1, are the columns of ``D = B + T + E``, with strong edges ``E`` that fill whole
    patches:

    .. math:: \min_{B, T, E} \|B\|_\gamma + \lambda \|w T\|_1 + \beta \|E\|_{2,1}, \qquad
              w = \frac{\sqrt{n} / 2.5}{|T| + 0.04}

    by alternating directions with the multiplier ``Y`` and ``mu = 3 sqrt(longer side)``, times 1.1 each iteration:
    :func:`gamma_norm_step` for ``B``, a weighted soft threshold for ``T``, :func:`shrink_columns` for ``E``.
    With the shorter side ``n`` of ``D``, ``lambda = 1 / sqrt(n)`` and ``beta = 3 / sqrt(n)``. It ends when the relative
    error of ``B + T + E`` is below ``tolerance`` or after ``max_iterations``. The response is ``T`` in grey levels.

    Args:
        patch: Side of a patch.
        step: Pixels between two patches.
        gamma: Of the norm of ``B``; above 0.
        overlap: See :class:`PatchModel`. The authors' code keeps the last patch's value, ``'overwrite'``.
        tolerance: See above.
        max_iterations: See above.
        svd: See :class:`PatchModel`.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        As in the authors' code, the weights are those of what is being shrunk instead of the last ``T``, and negative
        entries are shrunk by ``lambda w`` where the formula has ``lambda w / mu``: what is left are entries below -0.6,
        so dark structure stays in the background. The response has the positive entries only.

    References:
        Zhang, Peng, Zhang, Cao, Peng: Infrared small target detection via non-convex rank approximation minimization
        joint l2,1 norm, Remote Sensing 10(11), 2018, and the authors' public code.
    """

    def __init__(self, patch: int = 50, step: int = 10, gamma: float = 0.002, overlap: str = 'overwrite',
                 tolerance: float = 1e-7, max_iterations: int = 1000, svd: str = 'gram') -> None:
        super().__init__(patch, step, overlap, svd, tolerance, max_iterations)
        check_positive(self, gamma=gamma)
        self.gamma = gamma

    def targets(self, image: np.ndarray, grid: PatchGrid) -> np.ndarray:
        patches = grid.split(image)
        data = scaled(patches).reshape(len(patches), -1).T
        return self.decompose(data)[1].T.reshape(patches.shape) * np.ptp(patches)

    def decompose(self, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``D``, ``(m, n)``, to the background ``B + E`` and the targets ``T``."""
        shorter, longer = sorted(data.shape)
        size, mu = np.linalg.norm(data), 3 * np.sqrt(longer)
        sparse = edges = multiplier = np.zeros_like(data)
        values = np.zeros(shorter)
        for _ in range(self.max_iterations):
            shifted = data - multiplier / mu
            # What begins at 0 stays there up to the first step's largest shrinkage.
            low, found = map_singular_values(
                shifted - sparse - edges, partial(gamma_norm_step, start=values, mu=mu, gamma=self.gamma), self.svd,
                floor=(1 + self.gamma) / (mu * self.gamma), least=np.count_nonzero(values))
            values = np.pad(found, (0, shorter - len(found)))
            rest = shifted - low - edges
            # lambda times the weights' numerator is 0.4, whatever the size of D.
            threshold = 0.4 / (np.abs(rest) + 0.04)
            sparse = np.maximum(rest - threshold / mu, 0) + np.minimum(rest + threshold, 0)
            edges = shrink_columns(shifted - low - sparse, 3 / np.sqrt(shorter) / mu)
            missing = low + sparse + edges - data
            multiplier = multiplier + mu * missing
            mu *= _CONTINUE
            if np.linalg.norm(missing) < self.tolerance * size:
                break
        return low + edges, sparse
