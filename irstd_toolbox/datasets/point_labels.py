"""Single-point supervision: from a point on every target to a pseudo-mask, by Monte Carlo linear clustering (MCLC).

Loads neither torch nor mmengine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from irstd_toolbox.datasets.clustering import centre_grid, join_fragments, linear_clusters
from irstd_toolbox.datasets.dense_crf import refine
from irstd_toolbox.errors import ConfigError, DataError

__all__ = ['MARGINS', 'PLACES', 'ClusteringOptions', 'TargetPoint', 'point_probability', 'points_of', 'pseudo_mask']

PLACES = ('centroid', 'coarse')
"""Where on a target its point lies: the floor of its centroid, or any of its pixels."""

MARGINS = {'point': (3, 5), 'spot': (10, 11), 'extended': (15, 25)}
"""Size class to the least and the most pixels of the window on each side of the point."""

_LARGEST = {'point': 9, 'spot': 81}


@dataclass(frozen=True)
class TargetPoint:
    """The label of one target.

    Args:
        row: Of the point, from 0 at the top.
        column: Of the point, from 0 at the left.
        size: A key of :data:`MARGINS`: ``'point'`` up to 9 pixels, ``'spot'`` up to 81, ``'extended'`` beyond.
    """

    row: int
    column: int
    size: str = 'spot'


@dataclass(frozen=True)
class ClusteringOptions:
    """How to cluster; the defaults are the authors'.

    Args:
        repetitions: Noisy versions of each window.
        salt: Chance of a value (each channel of each pixel) to be replaced by white.
        clusters: About how many groups a window has.
        compactness: Weight of position against colour, see :func:`.clustering.linear_clusters`.
    """

    repetitions: int = 50
    salt: float = 0.05
    clusters: int = 9
    compactness: float = 20.0

    def __post_init__(self) -> None:
        if self.repetitions < 1 or self.clusters < 1 or not 0 <= self.salt < 1 or self.compactness <= 0:
            raise ConfigError(f'{self}: expected 1 repetition and 1 cluster or more, salt from 0 to below 1 and a '
                              'positive compactness.')


def points_of(mask: np.ndarray, place: str = 'centroid', seed: int | Sequence[int] = 0) -> tuple[TargetPoint, ...]:
    """The point labels that an annotator would give a mask: one a target (8-neighbours).

    Args:
        mask: Target above 0.
        place: One of :data:`PLACES`.
        seed: Of the coarse points; they are independent of what :func:`pseudo_mask` draws of the same seed.

    Shape:
        - mask: ``(H, W)``

    Raises:
        ConfigError: If ``place`` is not known.

    Note:
        The size classes and their bounds are those of the authors' code, which reads them off the true area; a point
        alone does not tell them. The paper's figures with coarse points are not known to us in their distribution:
        here every pixel of the target is as likely.

    Example:
        >>> points_of(np.array([[0, 1, 1], [0, 1, 1], [0, 1, 1]]))
        (TargetPoint(row=1, column=1, size='point'),)
    """
    if place not in PLACES:
        raise ConfigError(f'points {place!r}; expected one of {", ".join(PLACES)}.')
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))  # the windows' stream is another
    regions, count = ndimage.label(mask > 0, np.ones((3, 3)))
    points = []
    for number, region in enumerate(ndimage.find_objects(regions, count), 1):
        rows, columns = np.nonzero(regions[region] == number)
        which = rng.integers(len(rows)) if place == 'coarse' else slice(None)
        points.append(TargetPoint(
            int(rows[which].mean()) + region[0].start, int(columns[which].mean()) + region[1].start,
            next((size for size, most in _LARGEST.items() if len(rows) <= most), 'extended')))
    return tuple(points)


def pseudo_mask(image: np.ndarray, points: Sequence[TargetPoint], seed: int | Sequence[int] = 0,
                options: ClusteringOptions | None = None) -> np.ndarray:
    """Recover the mask of every target from its point.

    Of every point a window is cut whose four margins are drawn between the bounds of its size; in it
    :func:`point_probability` averages noisy clusterings, and :func:`.dense_crf.refine` decides which pixels are
    target. The targets' masks are united.

    Args:
        image: Grey levels, 0..255, for example of :func:`.imaging.read_image`.
        points: One for every target.
        seed: Of the windows and the noise; the same seed gives the same mask, and a point's share of it does not
            depend on the other points that follow.
        options: How to cluster.

    Shape:
        - image: ``(H, W)``
        - Output: ``(H, W)``, uint8: target 1, background 0

    Raises:
        DataError: If the image is not such, or a point lies outside it or has no such size.

    Note:
        From the authors' code (``final_size_Prior_code``): size classes, margins, 50 repetitions, 5 % salt, 9 clusters,
        compactness 20, and one round of a dense CRF on the average divided by its maximum. Our reading or choice:

        - The CRF's weights are published only in compiled form; these are those of a public function of the same
          name and arguments (appearance 10, 80, 13; smoothness 3, 3).
        - The right margin of a ``'point'`` is 3 to 5 like the others; the code draws it from 3 to 3.
        - A window may reach the last row and column, which the code leaves out.
        - Where windows of two targets overlap, the code overwrites the first by the second; here both count.
        - The point itself is always target.

    References:
        Li et al., Monte Carlo linear clustering with single-point supervision is enough for infrared small target
        detection, ICCV 2023.
    """
    options = options or ClusteringOptions()
    if image.ndim != 2 or 0 in image.shape:
        raise DataError(f'an image of shape {image.shape}; expected (H, W) grey levels. Read it with read_image.')
    mask = np.zeros(image.shape, np.uint8)
    for number, point in enumerate(points):
        if point.size not in MARGINS or not (0 <= point.row < image.shape[0] and 0 <= point.column < image.shape[1]):
            raise DataError(f'{point} of an image of {image.shape[0]} rows and {image.shape[1]} columns; expected a '
                            f'point inside it, of size {", ".join(MARGINS)}.')
        rng = np.random.default_rng([*np.atleast_1d(seed), number])
        top, left, bottom, right = rng.integers(*MARGINS[point.size], 4, endpoint=True)
        rows = slice(max(point.row - top, 0), point.row + bottom)
        columns = slice(max(point.column - left, 0), point.column + right)
        window = image[rows, columns]
        probability = point_probability(window, (point.row - rows.start, point.column - columns.start), rng, options)
        mask[rows, columns] |= refine(probability, window) > 0.5
        mask[point.row, point.column] = 1
    return mask


def point_probability(window: np.ndarray, point: tuple[int, int], rng: np.random.Generator,
                      options: ClusteringOptions) -> np.ndarray:
    """How often each pixel falls into the point's cluster when the window is clustered under salt noise.

    Every repetition turns single values of an RGB copy of the window white, stretches it to 0..1, converts it to CIE
    Lab, clusters it and joins regions below half the mean area to a neighbour. All repetitions are one batch.

    Args:
        window: Grey levels, 0..255.
        point: Row and column in it.
        rng: Where the noise comes from.
        options: How to cluster.

    Shape:
        - window, output: ``(H, W)``; the output is 1 at the point

    Note:
        The stretch is scikit-image's since 0.18; which release the authors used is not known.
    """
    height, width = window.shape
    levels = np.broadcast_to((window / 255).astype(np.float32)[None, ..., None],
                             (options.repetitions, height, width, 3))
    noisy = np.where(rng.random(levels.shape) < options.salt, np.float32(1), levels)
    low, high = noisy.min(axis=(1, 2, 3), keepdims=True), noisy.max(axis=(1, 2, 3), keepdims=True)
    noisy = (noisy - low) / np.where(high > low, high - low, 1)
    lab = cv2.cvtColor(noisy.reshape(-1, width, 3), cv2.COLOR_RGB2Lab).reshape(noisy.shape)
    clusters = linear_clusters(lab, options.clusters, options.compactness)
    count = len(centre_grid(height, width, options.clusters)[0])
    regions = join_fragments(clusters, int(0.5 * height * width / count))
    return (regions == regions[:, point[0], point[1], None, None]).mean(axis=0)
