"""What there is to show in an image: targets found, targets missed, false alarms, and the arrays they are drawn on."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation.protocols import PROTOCOLS
from irstd_toolbox.evaluation.regions import distances, find_regions, match_greedy

__all__ = ['COLOURS', 'Finding', 'as_mask', 'as_picture', 'at_image_size', 'find']

COLOURS = {'hit': '#56B4E9', 'miss': '#F0E442', 'false alarm': '#D55E00', 'region': '#56B4E9'}
"""One colour a verdict, from Okabe and Ito's palette for colour-blind readers; 'region' when there is no verdict."""

_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, eq=False)
class Finding:
    """A region of the ground truth, of the prediction, or both where they match.

    Args:
        verdict: 'hit', 'miss', 'false alarm', or 'region' when only one of the two maps is known.
        pixels: All its pixels, of both maps.
        iou: Intersection over union of the matched pair; None unless it is a hit.

    Shape:
        - pixels: ``(n, 2)``, row and column
    """

    verdict: str
    pixels: np.ndarray = field(repr=False)
    iou: float | None = None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom and right, the last two exclusive."""
        top, left = self.pixels.min(axis=0)
        bottom, right = self.pixels.max(axis=0) + 1
        return int(top), int(left), int(bottom), int(right)

    def window(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The square to enlarge: three times the region, at least 15 pixels, moved into an image of ``size``.

        Of an image that is lower or narrower than it the whole height or width.
        """
        top, left, bottom, right = self.box
        side, starts, ends = max(15, 3 * max(bottom - top, right - left)), [], []
        for low, high, length in ((top, bottom, size[0]), (left, right, size[1])):
            extent = min(side, length)
            starts.append(min(max((low + high - extent) // 2, 0), length - extent))
            ends.append(starts[-1] + extent)
        return *starts, *ends

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        """The pixels as a boolean map of ``size``."""
        mask = np.zeros(size, bool)
        mask[tuple(self.pixels.T)] = True
        return mask


def find(prediction: np.ndarray | None, gt: np.ndarray | None) -> list[Finding]:
    """List what a picture has to show, in raster order of the first pixel.

    Regions are 8-connected and matched as the canonical protocol does, one to one at centroid distances below 3
    pixels, so that the pictures show what the metric counts.

    Args:
        prediction: Predicted mask, or None.
        gt: Ground truth, or None.

    Shape:
        - prediction, gt: ``(H, W)``

    Example:
        >>> gt, prediction = np.zeros((2, 32, 32), bool)
        >>> gt[4:6, 4:6] = gt[20, 20] = prediction[4:6, 5:7] = prediction[30, 2] = True
        >>> [(found.verdict, found.box) for found in find(prediction, gt)]
        [('hit', (4, 4, 6, 7)), ('miss', (20, 20, 21, 21)), ('false alarm', (30, 2, 31, 3))]
    """
    if prediction is None or gt is None:
        mask = gt if prediction is None else prediction
        if mask is None:
            return []
        return [Finding('region', pixels) for pixels in find_regions(mask).places(mask.shape[1])]
    targets, regions = find_regions(gt), find_regions(prediction)
    theirs, ours = targets.places(gt.shape[1]), regions.places(prediction.shape[1])
    partner = match_greedy(distances(targets, regions))
    findings = []
    for pixels, match in zip(theirs, partner, strict=True):
        if match < 0:
            findings.append(Finding('miss', pixels))
            continue
        union = np.unique(np.concatenate([pixels, ours[match]]), axis=0)
        findings.append(Finding('hit', union, (len(pixels) + len(ours[match]) - len(union)) / len(union)))
    free = sorted(set(range(len(ours))) - set(partner.tolist()))
    findings += [Finding('false alarm', ours[number]) for number in free]
    return sorted(findings, key=lambda found: tuple(found.pixels[0]))


def as_mask(mask: np.ndarray | None, size: tuple[int, int], name: str) -> np.ndarray | None:
    """A mask as boolean map, whether it came as bool, 0/1 or 0/255.

    Raises:
        DataError: If it is a map of floats or of another size than the image.
    """
    if mask is None:
        return None
    mask = np.asarray(mask)
    if mask.ndim == 3 and 1 in mask.shape:
        mask = mask.squeeze(mask.shape.index(1))
    if mask.shape != size:
        raise DataError(
            f'The {name} has shape {mask.shape} and the image {size}; expected one size (H, W). Bring the {name} to '
            "the image's native size first.")
    if mask.dtype.kind not in 'bui':
        raise DataError(f'The {name} is {mask.dtype}; expected bool or whole numbers. Apply the threshold first.')
    return mask != 0


def as_picture(image: np.ndarray) -> np.ndarray:
    """An image as 8-bit grey levels, unchanged when its values are such already.

    Colours become their luma, of whole numbers a whole one; whatever does not lie within 0..255 (16-bit codes,
    negative numbers) and floats within 0..1 are stretched linearly from their least to their greatest value.

    Shape:
        - image: ``(H, W)``, ``(1, H, W)``, ``(H, W, 1)`` or ``(H, W, 3)``
        - Output: ``(H, W)`` uint8

    Raises:
        DataError: If the image has another shape or no pixel.
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[-1] == 3:
        luma = image[..., 0] if (image == image[..., :1]).all() else image @ _LUMA
        image = np.rint(luma).astype(image.dtype) if image.dtype.kind in 'iu' else luma
    elif image.ndim == 3 and 1 in (image.shape[0], image.shape[-1]):
        image = image.squeeze(0 if image.shape[0] == 1 else -1)
    if image.ndim != 2 or not image.size:
        raise DataError(f'An image of shape {image.shape}; expected (H, W), (1, H, W) or (H, W, 3).')
    if image.dtype == np.uint8:
        return image
    values = np.nan_to_num(image.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = values.min(), values.max()
    if low < 0 or high > 255 or (image.dtype.kind != 'u' and high <= 1):
        values = (values - low) * (255.0 / (high - low)) if high > low else np.zeros_like(values)
    return np.rint(values).astype(np.uint8)


def at_image_size(probabilities: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a prediction at the size at which a protocol scores back to its image, to look at.

    Nothing is to be scored so: what is resized twice is no longer what was predicted.

    Args:
        probabilities: The prediction.
        size: Height and width of the image.

    Shape:
        - probabilities: ``size`` or that of a protocol
        - Output: ``size``, resized bilinearly

    Raises:
        DataError: If the prediction has another size.
    """
    sizes = sorted({protocol.size for protocol in PROTOCOLS.values() if protocol.size})
    if probabilities.shape != size and probabilities.shape not in sizes:
        got = 'x'.join(map(str, probabilities.shape[::-1]))
        raise DataError(f'the prediction is {got} (width x height), its image {size[1]}x{size[0]}; expected that size, '
                        f'or one of protocols: {", ".join(f"{width}x{height}" for height, width in sizes)}. Resize it '
                        'to the image.')
    if probabilities.shape == size:
        return probabilities
    return cv2.resize(probabilities, size[::-1], interpolation=cv2.INTER_LINEAR)
