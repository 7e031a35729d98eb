"""A fully connected conditional random field of two labels on a small window, computed exactly. Loads no torch."""

import numpy as np

from irstd_toolbox.errors import DataError

__all__ = ['refine']

_LEAST = 1e-5


def refine(probability: np.ndarray, image: np.ndarray, iterations: int = 1,
           smoothness: tuple[float, float] = (3.0, 3.0),
           appearance: tuple[float, float, float] = (10.0, 80.0, 13.0)) -> np.ndarray:
    r"""Move a target's probability towards pixels that look alike and lie near; mean-field inference.

    .. math:: Q_i(l) \propto p_i(l) \exp \Big( \sum_m w_m \sum_j \tilde k_m(i, j) Q_j(l) \Big), \quad
        \tilde k = D^{-1/2} k D^{-1/2}, \; D = \operatorname{diag}(k 1)

    with :math:`k_1 = \exp(-d_{ij}^2 / 2 \sigma_1^2)` and
    :math:`k_2 = \exp(-d_{ij}^2 / 2 \sigma_2^2 - 3 (g_i - g_j)^2 / 2 \sigma_g^2)`, d being the distance in pixels and g
    the grey level, of which there are three equal channels.

    Args:
        probability: Of being target, within 0..1; both labels' are held at 1e-5 or more.
        image: Grey levels, 0..255.
        iterations: Rounds of inference.
        smoothness: w_1 and sigma_1.
        appearance: w_2, sigma_2 and sigma_g.

    Shape:
        - probability, image, output: ``(H, W)``

    Raises:
        DataError: If the shapes differ, or the window has more than 4096 pixels: all pairs are computed.

    Note:
        The usual implementation approximates both sums in a permutohedral lattice; the sums here are exact.

    References:
        Kraehenbuehl and Koltun, Efficient inference in fully connected CRFs with Gaussian edge potentials, NIPS 2011.
    """
    if probability.shape != image.shape or probability.size > 4096:
        raise DataError(f'a probability map of {probability.shape} and an image of {image.shape}; expected windows of '
                        'one shape and of at most 4096 pixels. Cut them smaller.')
    height, width = probability.shape
    (weight_near, reach), (weight_alike, far, contrast) = smoothness, appearance
    near = _kernel(height, width, reach)
    levels = image.astype(np.float32).ravel()
    alike = _kernel(height, width, far) * np.exp(-1.5 * ((levels[:, None] - levels) / np.float32(contrast)) ** 2)
    pairs = weight_near * _normalised(near) + weight_alike * _normalised(alike)
    target = probability.astype(np.float64).ravel()
    unary = np.log(np.clip(np.stack([1 - target, target]), _LEAST, 1))
    belief = _softmax(unary)
    for _ in range(iterations):
        belief = _softmax(unary + belief @ pairs)
    return belief[1].reshape(height, width)


def _kernel(height: int, width: int, reach: float) -> np.ndarray:
    """``(H W, H W)`` Gaussian weights of the distance between pixels."""
    along = [np.exp(-0.5 * ((np.arange(size)[:, None] - np.arange(size)) / reach) ** 2).astype(np.float32)
             for size in (height, width)]
    return np.kron(*along)


def _normalised(kernel: np.ndarray) -> np.ndarray:
    scale = kernel.sum(axis=1) ** -0.5
    return scale[:, None] * kernel * scale


def _softmax(energy: np.ndarray) -> np.ndarray:
    weights = np.exp(energy - energy.max(axis=0))
    return weights / weights.sum(axis=0)
