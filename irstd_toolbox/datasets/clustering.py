"""Simple linear iterative clustering (SLIC) of many versions of one small window at once. Loads no torch."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ['centre_grid', 'join_fragments', 'linear_clusters']


def centre_grid(height: int, width: int, clusters: int) -> tuple[np.ndarray, tuple[int, int]]:
    r"""Where about ``clusters`` centres start, and the steps between them in rows and in columns.

    The step is :math:`\sqrt{HW/K}`, the first centre half a step from the border; along an axis that is shorter than a
    step there is one row of centres, and the other axis holds them all.

    Shape:
        - Output: ``(K', 2)``, float64: row and column of every centre, in reading order

    Example:
        >>> centres, steps = centre_grid(21, 21, 9)
        >>> centres[:4].tolist(), steps
        ([[3.0, 3.0], [3.0, 10.0], [3.0, 17.0], [10.0, 3.0]], (7, 7))
    """
    size = (height * width / clusters) ** 0.5
    steps = (size, size)
    if min(height, width) < size:
        short, long = min(height, width), max(height, width)
        steps = (short, long / clusters) if height == short else (long / clusters, short)
    first = tuple(int(step // 2) for step in steps)
    strides = tuple(max(round(step), 1) for step in steps)
    rows, columns = np.meshgrid(
        np.arange(first[0], height, strides[0]), np.arange(first[1], width, strides[1]), indexing='ij')
    return np.stack([rows.ravel(), columns.ravel()], axis=-1).astype(np.float64), strides


def linear_clusters(features: np.ndarray, clusters: int = 9, compactness: float = 20.0,
                    iterations: int = 10) -> np.ndarray:
    r"""Group the pixels of every window by feature and position.

    Centres start on :func:`centre_grid`. Each pixel goes to the centre that is nearest by

    .. math:: D^2 = \frac{\lVert f - f_k \rVert^2}{m^2} + \frac{(y - y_k)^2 + (x - x_k)^2}{S^2}

    among those no farther than two steps in row and in column, S being the larger step; the centres then move to the
    means of their pixels, until nothing changes.

    Args:
        features: What to compare, for example CIE Lab; windows of one shape.
        clusters: About how many groups. The grid decides how many there are.
        compactness: The weight m of position against feature.
        iterations: Most rounds of assignment.

    Shape:
        - features: ``(R, H, W, C)``
        - Output: ``(R, H, W)``, int64: the number of each pixel's centre

    Note:
        At the first round all centres' features are 0, as in scikit-image, so that the grid alone decides it.

    References:
        Achanta et al., SLIC superpixels compared to state-of-the-art superpixel methods, TPAMI 2012.
    """
    repetitions, height, width, channels = features.shape
    grid, steps = centre_grid(height, width, clusters)
    rows, columns = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    pixels = (features.reshape(repetitions, -1, channels) / compactness).astype(np.float64)
    place = np.stack(np.meshgrid(rows, columns, indexing='ij'), axis=-1).reshape(-1, 2)
    full = np.concatenate([np.broadcast_to(place, (repetitions, *place.shape)), pixels], axis=-1)
    centres = np.zeros((repetitions, len(grid), 2 + channels))
    centres[..., :2] = grid
    offset = np.arange(repetitions)[:, None] * len(grid)
    labels = np.full((repetitions, height * width), -1)
    for _ in range(iterations):
        distance = _distances(pixels, centres, rows, columns, steps)
        nearest = distance.argmin(axis=1)
        nearest = np.where(np.isfinite(distance.min(axis=1)), nearest, labels)  # out of every reach: stays where it was
        if (nearest == labels).all():
            break
        labels = nearest
        flat = (labels + offset).ravel()
        members = np.bincount(flat, minlength=repetitions * len(grid))
        sums = np.stack([np.bincount(flat, full[..., part].ravel(), repetitions * len(grid))
                         for part in range(2 + channels)], axis=-1)
        with np.errstate(invalid='ignore'):  # a centre without pixels becomes nan, and stays without
            centres = (sums / members[:, None]).reshape(centres.shape)
    return labels.reshape(repetitions, height, width)


def _distances(pixels: np.ndarray, centres: np.ndarray, rows: np.ndarray, columns: np.ndarray,
               steps: tuple[int, int]) -> np.ndarray:
    """``(R, K, H * W)`` squared distances, infinite beyond the reach of a centre."""
    axes = []
    for axis, places in enumerate((rows, columns)):
        centre, reach = centres[..., axis, None], 2 * steps[axis]
        near = (places >= np.floor(np.maximum(centre - reach, 0))) & (places < np.floor(centre + reach + 1))
        axes.append(np.where(near, (centre - places) ** 2 / max(steps) ** 2, np.inf))
    distance = (axes[0][..., :, None] + axes[1][..., None, :]).reshape(*centres.shape[:2], -1)
    for channel in range(pixels.shape[-1]):
        distance += (pixels[:, None, :, channel] - centres[..., 2 + channel, None]) ** 2
    return np.where(np.isnan(distance), np.inf, distance)


def join_fragments(labels: np.ndarray, least: int) -> np.ndarray:
    """Make every group one connected region, and give those of fewer than ``least`` pixels to a neighbour.

    Regions (4-neighbours) count in reading order of their first pixels. One that is too small becomes part of an
    earlier region: of those that lie left of or above its pixels, the one at its last such pixel, the left before the
    upper. A region without any stays.

    Args:
        labels: Groups, for example of :func:`linear_clusters`; only equality within a window counts.
        least: The least number of pixels.

    Shape:
        - labels, output: ``(R, H, W)``, int64; equal where pixels belong together, and never across windows

    Note:
        Scikit-image takes the earlier region that its breadth-first search meets last, and cuts regions above three
        times the mean area; here there is no upper bound.

    Example:
        >>> join_fragments(np.array([[[0, 0, 1], [0, 0, 0]]]), 2)[0].tolist()
        [[0, 0, 0], [0, 0, 0]]
    """
    index = np.arange(labels.size).reshape(labels.shape)
    across, down = labels[..., 1:] == labels[..., :-1], labels[:, 1:] == labels[:, :-1]
    ends = [np.concatenate([index[..., :-1][across], index[:, :-1][down]]),
            np.concatenate([index[..., 1:][across], index[:, 1:][down]])]
    edges = coo_array((np.ones(ends[0].size, bool), ends), shape=(labels.size, labels.size))
    count, found = connected_components(edges, directed=False)
    first = np.full(count, labels.size)
    np.minimum.at(first, found, index.ravel())
    region = first.argsort().argsort()[found].reshape(labels.shape)
    left, above = np.full(labels.shape, count), np.full(labels.shape, count)
    left[..., 1:], above[:, 1:] = region[..., :-1], region[:, :-1]
    neighbour = np.where(left < region, left, above)
    small = np.bincount(region.ravel(), minlength=count)[region] < least
    here = small & (neighbour < region)
    joined = np.arange(count)
    joined[region[here]] = neighbour[here]  # of several assignments to one region the last holds
    while (joined[joined] != joined).any():
        joined = joined[joined]
    return joined[region]
