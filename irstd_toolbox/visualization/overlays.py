"""An overlay: the image itself with a ring around everything found, missed or falsely found."""

import cv2
import numpy as np

from .findings import COLOURS, as_mask, as_picture, find

__all__ = ['overlay']

GAP = 2
"""Pixels left free between a region and its ring."""


def overlay(image: np.ndarray, prediction: np.ndarray, gt: np.ndarray | None = None) -> np.ndarray:
    """Draw one-pixel rings around the regions of a prediction, and around missed targets.

    Nothing is blended and no pixel of a region, nor any within 2 pixels of it, is painted over: a target of five pixels
    under a translucent fill can no longer be judged. Hits are blue, misses yellow, false alarms vermilion; without a
    ground truth all is blue.

    Args:
        image: The image.
        prediction: Predicted mask.
        gt: Ground truth.

    Shape:
        - image: ``(H, W)``, ``(1, H, W)`` or ``(H, W, 3)``
        - prediction, gt: ``(H, W)``
        - Output: ``(H, W, 3)`` uint8, RGB

    Raises:
        DataError: If the sizes differ.
    """
    grey = as_picture(image)
    prediction, gt = as_mask(prediction, grey.shape, 'prediction'), as_mask(gt, grey.shape, 'ground truth')
    picture = np.repeat(grey[..., None], 3, axis=2)
    findings = find(prediction, gt)
    free = ~_grow(np.any([found.mask(grey.shape) for found in findings], axis=0), GAP) if findings else None
    for found in findings:
        mask = found.mask(grey.shape)
        picture[_grow(mask, GAP + 1) & free] = [int(COLOURS[found.verdict][i : i + 2], 16) for i in (1, 3, 5)]
    return picture


def _grow(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The mask and everything within a square of ``pixels`` around it."""
    side = 2 * pixels + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
