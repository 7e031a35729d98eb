"""What the page says of one image: its targets, their verdicts beside a ground truth, and the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..datasets.imaging import image_shape, read_mask
from ..errors import ConfigError, DataError
from ..evaluation.functional import ImageCounts, count_image
from ..evaluation.regions import distances, find_regions, match_greedy
from ..inference import Detection, Predictor, Target, find_targets

__all__ = ['MAX_PIXELS', 'Analysis', 'Row', 'analyse', 'detect', 'language_use', 'read_truth']

HIT, FALSE_ALARM = 'hit', 'false alarm'

MAX_PIXELS = 2048 * 2048
"""Of an image; a method of several hundred bytes a pixel takes about 2 GB then."""


@dataclass(frozen=True)
class Row:
    """One predicted target in the table.

    Args:
        number: From 1, in raster order, as in the picture.
        target: Place, area and peak probability.
        mean: Its mean probability.
        verdict: 'hit' or 'false alarm'; None without a ground truth.
    """

    number: int
    target: Target
    mean: float
    verdict: str | None = None


@dataclass(frozen=True, eq=False)
class Analysis:
    """One image under one threshold.

    Args:
        name: File name of the image.
        found: The prediction.
        threshold: Pixels above this probability are target.
        truth: Ground truth, or None.
        rows: One a predicted target.
        counts: Counters by the rules of the protocol ``canonical``; None without a ground truth.

    Shape:
        - truth: ``(H, W)`` bool
    """

    name: str
    found: Detection
    threshold: float
    truth: np.ndarray | None
    rows: Sequence[Row]
    counts: ImageCounts | None


def analyse(name: str, found: Detection, threshold: float, truth: np.ndarray | None = None) -> Analysis:
    """Decide a prediction anew at a threshold, without the model, and judge it.

    Raises:
        ConfigError: If the threshold is not in 0 <= T < 1.

    Example:
        >>> probability = np.float32([[0.9, 0.7, 0.0]])
        >>> found = Detection(probability, probability, probability > 0.5, [])
        >>> [(row.target.area, round(row.mean, 3)) for row in analyse('a.png', found, 0.5).rows]
        [(2, 0.8)]
        >>> [row.target.area for row in analyse('a.png', found, 0.8).rows]
        [1]
    """
    if not 0 <= threshold < 1:
        raise ConfigError(f'The threshold is {threshold}; 0 <= T < 1 is expected, since a pixel is target where p > T.')
    mask = found.probability > threshold
    found = replace(found, mask=mask, targets=find_targets(mask, found.probability))
    regions = find_regions(mask)
    means = [found.probability[tuple(place.T)].mean(dtype=float) for place in regions.places(mask.shape[1])]
    verdicts: list[str | None] = [None] * len(means)
    if truth is not None:
        hit = set(match_greedy(distances(find_regions(truth), regions)).tolist())
        verdicts = [HIT if number in hit else FALSE_ALARM for number in range(len(means))]
    rows = [Row(number, target, float(mean), verdict) for number, (target, mean, verdict) in enumerate(
        zip(found.targets, means, verdicts, strict=True), 1)]
    return Analysis(name, found, threshold, truth, rows, None if truth is None else count_image(mask, truth))


def read_truth(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Read the ground truth of an image of the size ``shape``; ``(H, W)`` bool.

    Raises:
        DataError: If the file cannot be read, or has another size.
    """
    height, width = image_shape(path)
    if (height, width) != shape:
        raise DataError(f'{path}: the mask is {width}x{height}, the image {shape[1]}x{shape[0]} (width x height). '
                        'Choose the mask of this image, at its own size.')
    return read_mask(path).astype(bool)


def language_use(model: torch.nn.Module) -> str:
    """Whether a sentence counts: 'read', 'training only' (the paper's setting), or 'none'."""
    descriptor = getattr(model, 'target_descriptor', None)
    if descriptor is None or descriptor.text == 'never':
        return 'none'
    return 'read' if descriptor.uses_text else 'training only'


def detect(predictor: Predictor, path: Path, sentence: str | None = None) -> Detection:
    """Run the model on an image file.

    Args:
        sentence: For a model that reads one at test; others do not see it.

    Raises:
        ConfigError: If the encoder would cut the sentence.
        DataError: If the image cannot be read, has more than :data:`MAX_PIXELS`, or the machine's memory does not
            hold it.
    """
    height, width = image_shape(path)
    if height * width > MAX_PIXELS:
        raise DataError(f'{path}: the image is {width}x{height} (width x height); the page takes images of up to '
                        f'{MAX_PIXELS:,} pixels, such as 2048x2048. Cut it into parts, or use tools/predict.py.')
    sentence = (sentence or '').strip() or None
    if language_use(predictor.model) != 'read':
        sentence = None
    if sentence:
        _check_length(predictor.model.target_descriptor, sentence)
    return predictor.predict(path, description=sentence)


def _check_length(descriptor: torch.nn.Module, sentence: str) -> None:
    encoder = descriptor.holder.encoder if descriptor.frozen else descriptor.encoder
    tokens = encoder.count_tokens(sentence)
    if tokens > encoder.context_length:
        raise ConfigError(f'The sentence has {tokens} tokens; the encoder reads {encoder.context_length}, marks of '
                          'beginning and end included, and would cut the rest. Shorten it.')
