"""IPI, the infrared patch-image model: a low-rank background and sparse targets."""

from functools import partial

import numpy as np

from ...errors import ConfigError
from ...registry import METHODS
from .patches import PatchGrid, PatchModel
from .singular_values import map_singular_values, singular_values, soft_threshold
from .structure_tensor import scaled

__all__ = ['IPI']

_SHRINK, _LIPSCHITZ = 0.9, 2.0


@METHODS.register_module()
class IPI(PatchModel):
    r"""Infrared patch-image: robust principal component analysis of the image's patches.

    The patches, scaled together to 0..1, are the columns of ``D``:

    .. math:: \min_{B, T} \|B\|_* + \lambda \|T\|_1 + \frac{1}{2 \mu} \|D - B - T\|_F^2

    by the accelerated proximal gradient method (APG): from the extrapolation ``Y = X + (t' - 1) / t (X - X')`` of both
    parts a gradient step of length 1/2, then

    .. math:: B \leftarrow U \max(\Sigma - \mu / 2, 0) V^T, \qquad
              T \leftarrow \operatorname{soft}(\cdot, \lambda \mu / 2), \qquad
              \mu \leftarrow \max(0.9 \mu, \bar\mu)

    from ``mu = s_2`` (the second singular value of ``D``) down to ``0.005 s_4``. It ends when the relative subgradient
    is at most ``tolerance``; when the rank of ``B`` has stayed the same more than 10 times and the number of entries of
    ``T`` is within 20 of what it was when the rank last changed; when the rank is above 0.3 of the shorter side of
    ``D``; or after ``max_iterations``. The response is ``T`` in grey levels.

    Args:
        patch: Side of a patch.
        step: Pixels between two patches.
        lambda_of: ``lambda`` is one over the root of the longer side of the ``'image'`` or of the ``'patch_image'``
            ``D``.
        border: Whether patches cover the last rows and columns as well.
        overlap: See :class:`PatchModel`.
        tolerance: See above.
        max_iterations: See above.
        svd: See :class:`PatchModel`.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        The paper states ``lambda`` by the size of ``D``, the authors' code by that of the image, which is larger: the
        code's is the default. The authors' code has no patches at the lower and right border and leaves there, up to
        ``step - 1`` pixels, 0: that is ``border=False``. Dark targets, the negative part of ``T``, are left out.

        In an image of few patches the rank soon is above 0.3 of their number, before anything is sparse: by the default
        sizes, a target 60 levels above its surroundings is found in a 128x134 image (90 patches), while a 100x110 image
        (42 patches) has no response at all.

        Where ``D`` has fewer than four singular values, its last stands for the second and the fourth.

    References:
        Gao, Meng, Yang, Wang, Zhou, Hauptmann: Infrared patch-image model for small target detection in a single image,
        IEEE Transactions on Image Processing 22(12), 2013; the stop rules and ``mu`` as in the authors' public code.
    """

    def __init__(self, patch: int = 50, step: int = 10, lambda_of: str = 'image', border: bool = True,
                 overlap: str = 'median', tolerance: float = 1e-6, max_iterations: int = 1000,
                 svd: str = 'gram') -> None:
        super().__init__(patch, step, overlap, svd, tolerance, max_iterations, border)
        if lambda_of not in ('image', 'patch_image'):
            raise ConfigError(f"lambda_of={lambda_of!r} is not known. Choose 'image' or 'patch_image'.")
        self.lambda_of = lambda_of

    def targets(self, image: np.ndarray, grid: PatchGrid) -> np.ndarray:
        patches = grid.split(image)
        data = scaled(patches).reshape(len(patches), -1).T
        sides = image.shape if self.lambda_of == 'image' else data.shape
        sparse = self.decompose(data, 1 / np.sqrt(max(sides)))[1]
        return sparse.T.reshape(patches.shape) * np.ptp(patches)

    def decompose(self, data: np.ndarray, weight: float) -> tuple[np.ndarray, np.ndarray]:
        """``D``, ``(m, n)``, to its low-rank and its sparse part.

        Args:
            data: ``D``.
            weight: ``lambda``.
        """
        values = singular_values(data, self.svd)
        mu, last_mu = values[min(1, len(values) - 1)], 0.005 * values[min(3, len(values) - 1)]
        low = low_before = sparse = sparse_before = np.zeros_like(data)
        momentum = momentum_before = 1.0
        rank_before, count_before, unchanged = 0, 0, 0
        for _ in range(self.max_iterations):
            threshold = mu / _LIPSCHITZ
            ahead = (momentum_before - 1) / momentum
            low_ahead, sparse_ahead = _extrapolate(low, low_before, ahead), _extrapolate(sparse, sparse_before, ahead)
            descent = (data - low_ahead - sparse_ahead) / _LIPSCHITZ
            low_before, sparse_before = low, sparse
            low, mapped = map_singular_values(low_ahead + descent, partial(soft_threshold, threshold=threshold),
                                              self.svd, floor=threshold)
            sparse = soft_threshold(sparse_ahead + descent, weight * threshold)
            rank, count = int((mapped > 0).sum()), int(np.count_nonzero(sparse))
            unchanged = unchanged + 1 if rank == rank_before else 0
            settled = unchanged > 10 and abs(count - count_before) < 20
            if (settled or rank > 0.3 * min(data.shape)
                    or _subgradient(low, sparse, low_ahead, sparse_ahead) <= self.tolerance):
                break
            if rank != rank_before:
                rank_before, count_before = rank, count
            mu = max(_SHRINK * mu, last_mu)
            momentum_before, momentum = momentum, (1 + np.sqrt(1 + 4 * momentum ** 2)) / 2
        return low, sparse


def _extrapolate(now: np.ndarray, before: np.ndarray, ahead: float) -> np.ndarray:
    point = now - before
    point *= ahead
    point += now
    return point


def _subgradient(low: np.ndarray, sparse: np.ndarray, low_ahead: np.ndarray, sparse_ahead: np.ndarray) -> float:
    """Length of both parts of the subgradient at ``(low, sparse)`` by the solution's.

    With ``a = low_ahead - low`` and ``e = sparse_ahead - sparse`` they are ``2 a - (a + e)`` and ``2 e - (a + e)``.
    """
    difference = low_ahead - low
    difference -= sparse_ahead
    difference += sparse
    solution = np.hypot(np.linalg.norm(low), np.linalg.norm(sparse))
    return float(np.sqrt(2) * np.linalg.norm(difference) / (_LIPSCHITZ * max(1, solution)))
