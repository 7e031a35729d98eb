"""What is written of predictions on single images: masks, and the list of targets, as a document and as a table."""

import csv
import dataclasses
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..training.checkpoint import file_sha256
from .predictor import Detection

__all__ = [
    'checkpoint_entry', 'image_entry', 'is_results_document', 'is_targets_document', 'mask_png', 'targets_document',
    'targets_table']


def mask_png(mask: np.ndarray) -> bytes:
    """A mask ``(H, W)`` as a PNG of 0 and 255."""
    return cv2.imencode('.png', mask.astype(np.uint8) * np.uint8(255))[1].tobytes()


def checkpoint_entry(checkpoint: str | os.PathLike | None) -> dict | None:
    """A checkpoint in :func:`targets_document`: its path as it was named and its SHA-256; None for none."""
    return checkpoint and dict(path=str(checkpoint), sha256=file_sha256(checkpoint))


def image_entry(name: str, found: Detection) -> dict:
    """One image of :func:`targets_document`: its file name, its size and its targets."""
    height, width = found.mask.shape
    return dict(image=name, width=width, height=height,
                targets=[dataclasses.asdict(target) for target in found.targets])


def targets_document(
    config: str, checkpoint: dict | None, threshold: float, images: Sequence[dict],
    errors: Sequence[dict] = (), ignored: int = 0,
) -> bytes:
    """``targets.json``: the model, the threshold and the targets of every image.

    Args:
        config: The config as it was named.
        checkpoint: Of :func:`checkpoint_entry`.
        threshold: Probability above which pixels were taken for target.
        images: Of :func:`image_entry`.
        errors: ``image`` and ``error`` of those that could not be read.
        ignored: How many files beside the images are none.
    """
    document = dict(
        config=config, checkpoint=checkpoint, threshold=threshold, images=list(images), errors=list(errors),
        ignored=ignored)
    return (json.dumps(document, indent=2) + '\n').encode()


def targets_table(images: Sequence[dict]) -> bytes:
    """``targets.csv``: a row a target, the values of :func:`targets_document`; images without targets have none.

    Args:
        images: Of :func:`image_entry`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['image', 'number', 'x', 'y', 'left', 'top', 'right', 'bottom', 'area', 'score'])
    for image in images:
        for number, target in enumerate(image['targets'], 1):
            writer.writerow([image['image'], number, *target['centroid'], *target['box'], target['area'],
                             target['score']])
    return text.getvalue().encode()


def is_targets_document(path: Path) -> bool:
    """Whether a file is of :func:`targets_document`."""
    return _holds(path, 'config', 'checkpoint', 'threshold', 'images')


def is_results_document(path: Path) -> bool:
    """Whether a file is the ``results.json`` of a test run, not that of predictions scored by ``tools/evaluate.py``."""
    return _holds(path, 'config', 'checkpoint', 'protocols')


def _holds(path: Path, *keys: str) -> bool:
    try:
        return set(keys) <= set(json.loads(path.read_text(encoding='utf-8')))
    except (OSError, ValueError, TypeError):
        return False
