"""Time one evaluation (IoU, nIoU, Pd, Fa) of ours against the field's usual loop, and check that both count the same.

The usual loop is written anew here as published code does it: a full-size label map and scikit-image's region
properties for prediction and mask, Python loops over targets and regions, float maps and histograms for the IoU.
Reading files is not timed. Without DATA_ROOT (or a data set in it) the masks are synthetic.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence

import numpy as np

from irstd_toolbox.console import whole


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data_root', nargs='?', metavar='DATA_ROOT', help='a data set; its test masks are used')
    parser.add_argument('--images', type=whole(1), default=201, help='at most this many (default: 201)')
    parser.add_argument('--size', type=whole(17), default=512, help='side of the scored maps (default: 512)')
    parser.add_argument('--repeat', type=whole(1), default=3, help='best of this many runs (default: 3)')
    parser.add_argument('--json', action='store_true', help='print one JSON object instead of lines')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    masks = load_masks(args.data_root, args.images, args.size) if args.data_root else draw_masks(args.images, args.size)
    figures = {'images': len(masks), 'size': args.size, 'targets': 'real' if args.data_root else 'synthetic'}
    for kind, specks in (('trained', 2), ('noisy', 1000)):
        rng = np.random.default_rng(0)
        maps = [predict(mask, specks, rng) for mask in masks]
        ours, our_seconds = best_of(args.repeat, our_loop, maps, masks)
        usual, usual_seconds = best_of(args.repeat, usual_loop, maps, masks)
        if ours != usual:
            raise RuntimeError(f'The counters differ: ours {ours}, usual loop {usual}.')
        figures[kind] = {
            'ours_ms_per_image': our_seconds / len(masks) * 1e3, 'usual_ms_per_image': usual_seconds / len(masks) * 1e3,
            'ratio': usual_seconds / our_seconds, 'counters': ours}
    if args.json:
        print(json.dumps(figures))
        return
    print(f'{len(masks)} {figures["targets"]} masks, {args.size}x{args.size}, process CPU time, best of {args.repeat}')
    for kind in ('trained', 'noisy'):
        row = figures[kind]
        print(
            f'{kind:<8} usual loop {row["usual_ms_per_image"]:7.2f} ms an image, ours {row["ours_ms_per_image"]:6.2f} '
            f'ms: {row["ratio"]:5.1f} times as fast; equal counters {row["counters"]}')


def best_of(repeat: int, loop: Callable, maps: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> tuple[dict, float]:
    """The result of a loop and its least process CPU time in seconds, after one image to warm up."""
    loop(maps[:1], masks[:1])
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        result = loop(maps, masks)
        seconds.append(time.process_time() - start)
    return result, min(seconds)


def our_loop(maps: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> dict[str, int]:
    """One evaluation by this toolbox."""
    from irstd_toolbox.evaluation.functional import total
    from irstd_toolbox.evaluation.protocols import get
    from irstd_toolbox.evaluation.results import measure, score_image

    protocol = get('basicirstd')
    counts = [
        score_image('', probabilities, mask, [protocol]).counts['basicirstd']
        for probabilities, mask in zip(maps, masks, strict=True)]
    measure(protocol, counts)
    pooled = total(counts)
    return {key: getattr(pooled, key) for key in (
        'intersection', 'union', 'targets', 'matched', 'false_alarm_pixels', 'pixels')}


def usual_loop(maps: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> dict[str, int]:
    """One evaluation by the field's usual loop."""
    sums = dict.fromkeys(('intersection', 'union', 'targets', 'matched', 'false_alarm_pixels', 'pixels'), 0)
    for probabilities, mask in zip(maps, masks, strict=True):
        prediction = probabilities > 0.5
        image = {**usual_overlap(prediction, mask), **usual_detection(prediction, mask)}
        for key in sums:
            sums[key] += image[key]
    return sums


def usual_overlap(prediction: np.ndarray, mask: np.ndarray) -> dict[str, int]:
    """Intersection and union of one image by float maps and histograms."""
    predicted, true = prediction.astype(np.float32), mask.astype(np.float32)
    agreed = predicted * (predicted == true)
    ones = [int(np.histogram(values, bins=1, range=(1, 1))[0][0]) for values in (agreed, predicted, true)]
    return {'intersection': ones[0], 'union': ones[1] + ones[2] - ones[0]}


def usual_detection(prediction: np.ndarray, mask: np.ndarray, by_area_value: bool = False) -> dict[str, int]:
    """Targets, matches and false-alarm pixels of one image by scikit-image's regions and Python loops.

    Args:
        prediction: Thresholded prediction.
        mask: Ground truth.
        by_area_value: Remove the false regions whose area equals a matched one's, as much published code does.

    Shape:
        - prediction, mask: (H, W) bool
    """
    from skimage import measure

    free = measure.regionprops(measure.label(prediction.astype(np.int64), connectivity=2))
    targets = measure.regionprops(measure.label(mask.astype(np.int64), connectivity=2))
    areas = [int(region.area) for region in free]
    matched_areas = []
    for target in targets:
        centroid = np.array(target.centroid)
        for position, region in enumerate(free):
            if np.linalg.norm(np.array(region.centroid) - centroid) < 3:
                matched_areas.append(int(region.area))
                del free[position]
                break
    false_pixels = sum(areas) - sum(matched_areas)
    if by_area_value:
        false_pixels = sum(area for area in areas if area not in matched_areas)
    return {
        'targets': len(targets), 'matched': len(matched_areas), 'false_alarm_pixels': false_pixels, 'pixels': mask.size}


def predict(mask: np.ndarray, specks: int, rng: np.random.Generator) -> np.ndarray:
    """A probability map: the targets moved by up to a pixel and eroded by noise, and false specks of 1 to 9 pixels."""
    moved = np.roll(mask, rng.integers(-1, 2, 2), (0, 1)) & (rng.random(mask.shape) < 0.95)
    probabilities = np.where(moved, 0.9, 0.05)
    for row, column in rng.integers(0, np.array(mask.shape)[:, None], (2, specks)).T:
        height, width = rng.integers(1, 4, 2)
        probabilities[row : row + height, column : column + width] = 0.8
    return probabilities


def draw_masks(number: int, size: int) -> list[np.ndarray]:
    """Masks with one or two discs of 1 to 5 pixels radius."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    masks = []
    for _ in range(number):
        mask = np.zeros((size, size), dtype=bool)
        for _ in range(rng.integers(1, 3)):
            row, column = rng.integers(8, size - 8, 2)
            mask |= (rows - row) ** 2 + (columns - column) ** 2 <= rng.integers(1, 6) ** 2
        masks.append(mask)
    return masks


def load_masks(root: str, number: int, size: int) -> list[np.ndarray]:
    """The test masks of a data set, brought to ``size`` by the ``pil_nearest`` rule."""
    from irstd_toolbox.datasets.layouts import detect
    from irstd_toolbox.evaluation.protocols import Protocol, fit

    layout = detect(root)
    square = Protocol('benchmark', 'a square', size=(size, size))
    masks = []
    for image_id in layout.ids('test', require_masks=True)[:number]:
        mask = layout.truth(image_id)
        masks.append(fit(square, mask.astype(np.float64), mask)[1])
    return masks


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
