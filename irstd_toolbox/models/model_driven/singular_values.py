r"""Matrices and tensors whose singular values are changed: the proximal steps of the low-rank methods.

A rule takes singular values ``(..., k)``, largest first, and gives as many, at least 0 and not larger than before.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import eigh

__all__ = ['map_fourier_slices', 'map_singular_values', 'partial_sum', 'singular_values', 'soft_threshold',
           'unfold_and_map']

Rule = Callable[[np.ndarray], np.ndarray]


def soft_threshold(values: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    r"""Shrink towards 0: the proximal step of the 1-norm, and of singular values of the nuclear norm.

    .. math:: \operatorname{sign}(x) \max(|x| - t, 0) = \arg\min_z t |z| + \tfrac12 (z - x)^2

    Example:
        >>> soft_threshold(np.array([-3.0, 0.5, 2.0]), 1.0).tolist()
        [-2.0, 0.0, 1.0]
    """
    return values - np.clip(values, -threshold, threshold)


def partial_sum(values: np.ndarray, keep: int, threshold: float) -> np.ndarray:
    r"""Keep the ``keep`` largest singular values and shrink the others.

    .. math:: \arg\min_z t \sum_{i > N} z_i + \tfrac12 \sum_i (z_i - \sigma_i)^2

    Args:
        values: Singular values, largest first.
        keep: ``N``.
        threshold: ``t``.

    Example:
        >>> partial_sum(np.array([9.0, 4.0, 3.0, 1.0]), keep=2, threshold=2.0).tolist()
        [9.0, 4.0, 1.0, 0.0]
    """
    mapped = np.maximum(values - threshold, 0)
    mapped[..., :keep] = values[..., :keep]
    return mapped


def map_singular_values(matrices: np.ndarray, rule: Rule, svd: str = 'gram', floor: float = 0.0,
                        least: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r"""The matrices with other singular values.

    .. math:: A = U \Sigma V^H \;\mapsto\; U f(\Sigma) V^H

    Through the Gram matrix of the shorter side (here the columns'), ``U`` is not needed:

    .. math:: A^H A = V \Sigma^2 V^H, \qquad U f(\Sigma) V^H = A V \frac{f(\Sigma)}{\Sigma} V^H

    Args:
        matrices: Real or complex.
        rule: ``f``.
        svd: ``'gram'`` or ``'svd'``, LAPACK's decomposition.
        floor: Singular values up to here, but for the ``least`` largest, are known to become 0, so one real matrix is
            decomposed only above.
        least: Where fewer are above ``floor``, the matrix is decomposed as a whole.

    Shape:
        - matrices: ``(..., m, n)``
        - Output: the same, and the new singular values ``(..., k)``, ``k`` at most ``min(m, n)``

    Note:
        Squaring loses singular values below ``1e-8`` of the largest, and those near it keep few digits. Since no rule
        enlarges a value, the error of the result stays below ``1e-7`` of the largest singular value.

    Example:
        >>> mapped, values = map_singular_values(np.diag([1.0, 5.0, 3.0]), lambda values: soft_threshold(values, 2.0))
        >>> mapped.round(6).tolist(), values.round(6).tolist()
        ([[0.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 1.0]], [3.0, 1.0, 0.0])
    """
    if svd == 'svd':
        left, values, right = np.linalg.svd(matrices, full_matrices=False)
        mapped = rule(values)
        return left * mapped[..., None, :] @ right, mapped
    tall = matrices.shape[-2] >= matrices.shape[-1]
    sides = matrices if tall else _adjoint(matrices)
    gram = _adjoint(sides) @ sides
    floored = gram.ndim == 2 and floor > 0 and np.isrealobj(gram)
    if floored:
        squares, vectors = eigh(gram, subset_by_value=(floor ** 2, np.inf), driver='evr', check_finite=False)
    if not floored or len(squares) < least:
        squares, vectors = np.linalg.eigh(gram)
    values, vectors = np.sqrt(np.maximum(squares[..., ::-1], 0)), vectors[..., ::-1]
    mapped = rule(values)
    share = np.divide(mapped, values, out=np.zeros_like(values), where=values > 0)
    # Columns that vanish in every matrix of the batch need no product.
    rank = int((share > 0).any(axis=tuple(range(share.ndim - 1))).sum()) if share.size else 0
    vectors, share = vectors[..., :rank], share[..., :rank]
    weighted, dual = vectors * share[..., None, :], _adjoint(vectors)
    result = sides @ weighted @ dual if 2 * rank < gram.shape[-1] else sides @ (weighted @ dual)
    return result if tall else _adjoint(result), mapped


def _adjoint(matrices: np.ndarray) -> np.ndarray:
    # A conjugate of real numbers would be a copy, in which BLAS does not see that a product is symmetric.
    swapped = matrices.swapaxes(-1, -2)
    return swapped if np.isrealobj(swapped) else np.conj(swapped)


def singular_values(matrix: np.ndarray, svd: str = 'gram') -> np.ndarray:
    """The singular values of ``(m, n)``, largest first."""
    if svd == 'svd':
        return np.linalg.svd(matrix, compute_uv=False)
    side = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    return np.sqrt(np.maximum(np.linalg.eigvalsh(side.T @ side)[::-1], 0))


def unfold_and_map(tensor: np.ndarray, axis: int, rule: Rule, svd: str = 'gram', floor: float = 0.0) -> np.ndarray:
    """A tensor whose unfolding along ``axis`` has other singular values.

    The unfolding is the matrix with one row an index of ``axis`` and one column a combination of the others.
    """
    front = np.moveaxis(tensor, axis, 0)
    mapped, _ = map_singular_values(front.reshape(len(front), -1), rule, svd, floor)
    return np.moveaxis(mapped.reshape(front.shape), 0, axis)


def map_fourier_slices(tensor: np.ndarray, rule: Rule, svd: str = 'gram') -> np.ndarray:
    """A tensor whose frontal slices have other singular values in the Fourier domain: the step of the tensor SVD.

    The transform runs over the patches. Of a real tensor, slices ``k`` and ``P - k`` are conjugate, so only the first
    ``P // 2 + 1`` are decomposed, in one batch, and the inverse transform supplies the others, for every ``P``.

    Args:
        tensor: Real.
        rule: What becomes of the singular values of each slice.
        svd: See :func:`map_singular_values`.

    Shape:
        - tensor: ``(P, h, w)``
        - Output: the same
    """
    mapped, _ = map_singular_values(np.fft.rfft(tensor, axis=0), rule, svd)
    return np.fft.irfft(mapped, n=len(tensor), axis=0)
