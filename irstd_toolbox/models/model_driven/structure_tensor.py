"""How the grey values change around a pixel: the local priors of RIPT and PSTNN."""

import numpy as np
from scipy.ndimage import correlate1d

__all__ = ['scaled', 'structure_eigenvalues']


def scaled(values: np.ndarray) -> np.ndarray:
    """To 0..1 by the smallest and the largest value; zeros if they are equal.

    Example:
        >>> scaled(np.array([2.0, 3.0, 6.0])).tolist()
        [0.0, 0.25, 1.0]
    """
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if low < high else np.zeros_like(values)


def structure_eigenvalues(image: np.ndarray, before: float, after: float) -> tuple[np.ndarray, np.ndarray]:
    r"""Eigenvalues of the structure tensor.

    .. math:: J = K_a * (\nabla u\, \nabla u^T), \quad u = K_b * I, \qquad
              \lambda_{1,2} = \tfrac12 \left( J_{11} + J_{22} \pm \sqrt{(J_{11} - J_{22})^2 + 4 J_{12}^2} \right)

    On an edge the first is large and the second small; at a spot both are large.

    Args:
        image: The image.
        before: Standard deviation of the 3x3 Gaussian over the image.
        after: Standard deviation of the 3x3 Gaussian over the products of gradients.

    Shape:
        - image: ``(H, W)``
        - Output: the larger and the smaller one, ``(H, W)`` each, the smaller at least 0

    Note:
        Gradients are central differences, one-sided at the border; beyond it the image is mirrored.
    """
    smooth = _smooth(image, before)
    down, right = (np.gradient(smooth, axis=axis) if side > 1 else np.zeros_like(smooth)
                   for axis, side in enumerate(image.shape))
    across, along, mixed = (_smooth(product, after) for product in (right * right, down * down, right * down))
    root = np.sqrt((across - along) ** 2 + 4 * mixed ** 2)
    return (across + along + root) / 2, np.maximum(across + along - root, 0) / 2


def _smooth(image: np.ndarray, sigma: float) -> np.ndarray:
    kernel = np.exp(-0.5 * (np.array([-1.0, 0.0, 1.0]) / sigma) ** 2)
    kernel /= kernel.sum()
    return correlate1d(correlate1d(image, kernel, axis=0, mode='reflect'), kernel, axis=1, mode='reflect')
