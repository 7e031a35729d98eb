"""Metrics of infrared small target detection as pure functions of integer counters.

One image gives one :class:`ImageCounts`. Counters add up over images and processes without loss,
and every metric is a function of counters: of their sum (``pooled``) or of each image's (``image mean``).
Nothing is smoothed; a metric without a denominator is ``nan``.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation import regions as region_rules
from irstd_toolbox.evaluation.regions import MATCHING, Regions, find_regions

__all__ = [
    'EMPTY_NIOU', 'FALSE_ALARM', 'FALSE_ALARM_BASE', 'ImageCounts', 'check_scored', 'count_image', 'fa', 'f1',
    'image_mean', 'iou', 'niou', 'pd', 'pixel_fpr', 'precision', 'recall', 'total', 'two_class']

FALSE_ALARM = ('unmatched_area', 'area_value', 'off_target', 'outside_zones')
FALSE_ALARM_BASE = ('pixels', 'background_of_images_with_targets')
EMPTY_NIOU = ('skip', 'zero', 'one')


@dataclass(frozen=True)
class ImageCounts:
    """Integer counters of one image, or their sum over images.

    Pixels: ``intersection``, ``union``, ``predicted``, ``ground_truth``, ``pixels``. Regions: ``targets``
    (true), ``regions`` (predicted), ``matched`` (targets that were found), ``false_alarm_regions``.
    Fa is ``false_alarm_pixels / false_alarm_base``; the base is ``pixels`` in all protocols but RPCANet's.
    """

    intersection: int
    union: int
    predicted: int
    ground_truth: int
    targets: int
    regions: int
    matched: int
    false_alarm_pixels: int
    false_alarm_regions: int
    false_alarm_base: int
    pixels: int


def count_image(
    prediction: np.ndarray, truth: np.ndarray, *, connectivity: int = 8, matching: str = 'greedy',
    below: float = 3.0, false_alarm: str = 'unmatched_area', false_alarm_base: str = 'pixels',
) -> ImageCounts:
    """Count one image.

    Args:
        prediction: Thresholded prediction.
        truth: Ground truth.
        connectivity: 8 or 4, for both maps.
        matching: Which targets count as found, and which predicted regions as theirs.
            ``greedy``: one-to-one, each target in raster order takes the first free region with a centroid
            distance below ``below``; ``optimal``: one-to-one, most matches, then least distance; ``overlap``: a
            target with at least one predicted pixel, a region with at least one true pixel; ``shooting``: a
            target with a predicted pixel in the 3x3 square around one of its pixels, a region that enters the
            9x9 square around a true pixel.
        below: Greatest centroid distance of a match, exclusive.
        false_alarm: Pixels of the numerator of Fa. ``unmatched_area``: whole area of regions that are no
            target's; ``area_value``: the same, but regions whose *area equals* that of some matched region are
            left out (a defect of much published code, kept to replay its tables); ``off_target``: predicted
            pixels that are not true; ``outside_zones``: predicted pixels outside the 9x9 squares around true pixels.
        false_alarm_base: Denominator of Fa: all ``pixels``, or ``background_of_images_with_targets``, under
            which an image without a target adds nothing to numerator or denominator.

    Shape:
        - prediction, truth: (H, W) bool

    Raises:
        DataError: If the maps are not boolean, not 2-D or differ in size.
        ConfigError: If a rule is unknown.

    Example:
        >>> truth = np.zeros((32, 32), dtype=bool)
        >>> truth[4:6, 4:6] = True
        >>> counts = count_image(np.roll(truth, 1, axis=0), truth)
        >>> counts.matched, counts.false_alarm_pixels, iou(counts), pd(counts)
        (1, 0, 0.3333333333333333, 1.0)
    """
    _check_maps(prediction, truth)
    _check_rule('matching', matching, MATCHING)
    _check_rule('false_alarm', false_alarm, FALSE_ALARM)
    _check_rule('false_alarm_base', false_alarm_base, FALSE_ALARM_BASE)
    targets, found = find_regions(truth, connectivity), find_regions(prediction, connectivity)
    hit, is_target = _match(targets, found, prediction, truth, matching, below)
    predicted, ground_truth = found.pixels.size, targets.pixels.size
    intersection = int(np.count_nonzero(truth.ravel()[found.pixels]))
    if false_alarm == 'unmatched_area':
        false_pixels = found.areas[~is_target].sum()
    elif false_alarm == 'area_value':
        false_pixels = found.areas[~np.isin(found.areas, found.areas[is_target])].sum()
    elif false_alarm == 'off_target':
        false_pixels = predicted - intersection
    else:
        false_pixels = np.count_nonzero(prediction & ~region_rules.dilate(truth, 9))
    base = truth.size
    if false_alarm_base == 'background_of_images_with_targets':
        base = truth.size - ground_truth if len(targets) else 0
        false_pixels = false_pixels if len(targets) else 0
    return ImageCounts(
        intersection=intersection, union=predicted + ground_truth - intersection, predicted=predicted,
        ground_truth=ground_truth, targets=len(targets), regions=len(found), matched=int(np.count_nonzero(hit)),
        false_alarm_pixels=int(false_pixels), false_alarm_regions=int(np.count_nonzero(~is_target)),
        false_alarm_base=base, pixels=truth.size)


def _match(
    targets: Regions, found: Regions, prediction: np.ndarray, truth: np.ndarray, matching: str, below: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Which targets are found, (targets,) bool, and which regions are a target's, (regions,) bool."""
    if matching == 'overlap':
        return targets.touched(prediction), found.touched(truth)
    if matching == 'shooting':
        return targets.touched(region_rules.dilate(prediction, 3)), found.touched(region_rules.dilate(truth, 9))
    rule = region_rules.match_greedy if matching == 'greedy' else region_rules.match_optimal
    partner = rule(region_rules.distances(targets, found), below)
    is_target = np.zeros(len(found), dtype=bool)
    is_target[partner[partner >= 0]] = True
    return partner >= 0, is_target


def _check_maps(prediction: np.ndarray, truth: np.ndarray) -> None:
    if prediction.shape != truth.shape or prediction.ndim != 2:
        raise DataError(
            f'The prediction has shape {prediction.shape} and the mask {truth.shape}; expected two maps (H, W) of one '
            'size. Bring both to the size at which they shall be scored.')
    if prediction.dtype != bool or truth.dtype != bool:
        raise DataError(
            f'The prediction is {prediction.dtype} and the mask {truth.dtype}; expected bool. Apply the threshold '
            'first, for example p > 0.5 and mask > 127.')


def check_scored(probabilities: np.ndarray, truth: np.ndarray) -> None:
    """Refuse a prediction or a mask that would be counted as something else than it is.

    Shape:
        - probabilities: (H, W), floats 0..1 or bool
        - truth: (H, W) bool

    Raises:
        DataError: If either is no such array, is empty, or a probability is nan or outside 0..1.
    """
    for name, array in (('prediction', probabilities), ('mask', truth)):
        if not isinstance(array, np.ndarray) or array.ndim != 2 or not array.size:
            raise DataError(
                f'the {name} is a {type(array).__name__} of shape {np.shape(array)}; expected a numpy array (H, W) of '
                "a pixel or more. Of torch's tensors tensor[0].detach().cpu().numpy() makes one.")
    if truth.dtype != bool:
        raise DataError(f'the mask is {truth.dtype}; expected bool. Compare it first, for example mask > 127 or '
                        'mask == 1.')
    if probabilities.dtype == bool:
        return
    if not np.issubdtype(probabilities.dtype, np.floating):
        raise DataError(f'the prediction is {probabilities.dtype}; expected probabilities as float, or bool. Divide '
                        'integers by their full scale, for example by 255.')
    low, high = probabilities.min(), probabilities.max()
    if not (low >= -1e-6 and high <= 1 + 1e-6):  # sums of probabilities are rounded; nan is neither
        raise DataError(f'the prediction holds values from {low:.6g} to {high:.6g}; expected probabilities 0..1. Apply '
                        'the sigmoid to logits first.')


def _check_rule(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ConfigError(f'{name} is {value!r}; expected one of {", ".join(choices)}.')


def total(counts: Iterable[ImageCounts]) -> ImageCounts:
    """The sum of the counters."""
    rows = [astuple(image) for image in counts]
    return ImageCounts(*(sum(column) for column in zip(*rows, strict=True))) if rows else ImageCounts(*[0] * 11)


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan


def iou(counts: ImageCounts) -> float:
    """Intersection over union of the target class."""
    return _ratio(counts.intersection, counts.union)


def precision(counts: ImageCounts) -> float:
    """True pixels among the predicted ones."""
    return _ratio(counts.intersection, counts.predicted)


def recall(counts: ImageCounts) -> float:
    """Predicted pixels among the true ones; the field's code calls it ``pixAcc``."""
    return _ratio(counts.intersection, counts.ground_truth)


def f1(counts: ImageCounts) -> float:
    """``2 TP / (predicted + true)``, pixels."""
    return _ratio(2 * counts.intersection, counts.predicted + counts.ground_truth)


def pixel_fpr(counts: ImageCounts) -> float:
    """Predicted background pixels among all background pixels."""
    return _ratio(counts.predicted - counts.intersection, counts.pixels - counts.ground_truth)


def pd(counts: ImageCounts) -> float:
    """Probability of detection: found targets among all targets."""
    return _ratio(counts.matched, counts.targets)


def fa(counts: ImageCounts) -> float:
    """False-alarm rate: false-alarm pixels among all pixels, a fraction (tables print it times 1e6)."""
    return _ratio(counts.false_alarm_pixels, counts.false_alarm_base)


def image_mean(counts: Iterable[ImageCounts], metric: Callable[[ImageCounts], float]) -> float:
    """Mean of ``metric`` over the images for which it is defined; ``nan`` when there is none.

    The sum is exactly rounded, so the order of the images changes nothing.
    """
    values = [value for value in map(metric, counts) if not math.isnan(value)]
    return math.fsum(values) / len(values) if values else math.nan


def niou(counts: Iterable[ImageCounts], empty: str = 'skip') -> float:
    """Mean over images of the image's IoU.

    Args:
        counts: One entry an image.
        empty: What an image with neither a true nor a predicted pixel contributes: ``skip`` (left out of the
            mean), ``zero`` (as the field's code does) or ``one``.

    Raises:
        ConfigError: If ``empty`` is none of these.

    Note:
        Papers write "for each instance"; the code that they cite, and this function, average over images.

    References:
        Dai et al., Asymmetric Contextual Modulation, WACV 2021, section 4.1 (its public code).
    """
    _check_rule('empty', empty, EMPTY_NIOU)
    value = {'skip': math.nan, 'zero': 0.0, 'one': 1.0}[empty]
    return image_mean(counts, lambda image: iou(image) if image.union else value)


def two_class(counts: ImageCounts) -> dict[str, float]:
    """mmseg's ``mIoU``, ``mAcc`` and ``aAcc``: means over background and target, and pixel accuracy.

    A class without a denominator is left out of the mean, as mmseg does.

    Example:
        >>> truth = np.zeros((10, 10), dtype=bool)
        >>> truth[0, :2] = True
        >>> two_class(count_image(np.zeros_like(truth), truth))
        {'mIoU': 0.49, 'mAcc': 0.5, 'aAcc': 0.98}
    """
    clear = counts.pixels - counts.union
    ious = [_ratio(clear, counts.pixels - counts.intersection), iou(counts)]
    accuracies = [_ratio(clear, counts.pixels - counts.ground_truth), recall(counts)]
    return {
        'mIoU': _mean(ious), 'mAcc': _mean(accuracies), 'aAcc': _ratio(clear + counts.intersection, counts.pixels)}


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan
