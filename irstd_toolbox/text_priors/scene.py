"""What a provider is shown: one infrared image, its mask where there is one, and its id."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from irstd_toolbox.errors import DataError

__all__ = ['Scene', 'Target', 'find_targets']

_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class Target:
    """One connected component of a mask.

    Args:
        rows: Row of every pixel.
        cols: Column of every pixel.

    Shape:
        - rows, cols: ``(area,)``, integers
    """

    rows: np.ndarray
    cols: np.ndarray

    @property
    def area(self) -> int:
        """Number of pixels."""
        return len(self.rows)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """First row, first column, last row + 1, last column + 1."""
        return (int(self.rows.min()), int(self.cols.min()), int(self.rows.max()) + 1, int(self.cols.max()) + 1)


def find_targets(mask: np.ndarray) -> list[Target]:
    """The 8-connected components of a mask, in reading order of their first pixel.

    Shape:
        - mask: ``(H, W)``; not zero is target

    Example:
        >>> [target.box for target in find_targets(np.array([[0, 1, 0], [1, 0, 0]]))]
        [(0, 0, 2, 2)]
    """
    labels, _ = ndimage.label(mask, structure=_EIGHT)
    targets = []
    for index, (rows, cols) in enumerate(ndimage.find_objects(labels), start=1):
        found_rows, found_cols = np.nonzero(labels[rows, cols] == index)
        targets.append(Target(found_rows + rows.start, found_cols + cols.start))
    return targets


@dataclass(frozen=True, eq=False)
class Scene:
    """An image to be described.

    Args:
        image: The image on the scale 0..255.
        mask: Target 1, background 0; None where the ground truth is not known or must not be shown.
        image_id: The id that the description is stored under.

    Shape:
        - image: ``(H, W)``, float32
        - mask: ``(H, W)``, uint8

    Raises:
        DataError: If the image is no 2-D array of finite numbers or empty, or the mask is no array, of another size or
            holds other values than 0 and 1.
    """

    image: np.ndarray
    mask: np.ndarray | None
    image_id: str

    def __post_init__(self) -> None:
        for name, array in (('image', self.image), ('mask', self.mask)):
            if not isinstance(array, np.ndarray) and not (name == 'mask' and array is None):
                raise DataError(f'{self.image_id}: the {name} is a {type(array).__name__}; expected a numpy array '
                                '(H, W), such as datasets.imaging.read_image and read_mask give.')
        if self.image.ndim != 2 or 0 in self.image.shape:
            raise DataError(f'{self.image_id}: a scene image of shape {self.image.shape}; expected (H, W), not empty. '
                            'Convert colour images to one channel first (datasets.imaging.read_image does).')
        if not np.isfinite(self.image).all():
            raise DataError(f'{self.image_id}: the image holds values that are not finite (nan or inf). Replace them '
                            'before use.')
        if self.mask is None:
            return
        if self.mask.shape != self.image.shape:
            raise DataError(f'{self.image_id}: the mask has shape {self.mask.shape}, the image {self.image.shape}; '
                            'expected the same. Resample the mask to the image (nearest) first.')
        if not np.isin(self.mask, (0, 1)).all():
            raise DataError(f'{self.image_id}: the mask holds values up to {self.mask.max()}; expected 0 and 1. '
                            'Binarise it first (datasets.imaging.read_mask does).')

    def targets(self) -> list[Target]:
        """The targets, largest first; of equal areas the brighter in the mean first, then in reading order.

        The first two criteria do not depend on how the scene is turned or mirrored; the third does, and decides only
        between targets of equal area and equal brightness.

        Raises:
            DataError: If the scene comes without a mask.
        """
        if self.mask is None:
            raise DataError(f'{self.image_id}: the scene comes without a mask, and this description is made from the '
                            'mask. Use a provider that looks at the image alone, or give the mask.')
        return sorted(find_targets(self.mask), key=lambda target: (-target.area, -self.brightness(target)))

    def brightness(self, target: Target) -> float:
        """Mean of the image over a target."""
        return float(self.image[target.rows, target.cols].mean(dtype=np.float64))
