"""From points to masks: clustering against loops and scikit-image, the CRF against its formula, known scenes."""

import numpy as np
import pytest
from skimage.segmentation import slic

from irstd_toolbox.datasets import point_labels
from irstd_toolbox.datasets.clustering import centre_grid, join_fragments, linear_clusters
from irstd_toolbox.datasets.dense_crf import refine
from irstd_toolbox.datasets.point_labels import (
    ClusteringOptions,
    TargetPoint,
    point_probability,
    points_of,
    pseudo_mask,
)
from irstd_toolbox.errors import ConfigError, DataError


def disc(shape: tuple[int, int], row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.indices(shape)
    return ((rows - row) ** 2 + (columns - column) ** 2 <= radius ** 2).astype(np.uint8)


def scene(mask: np.ndarray, contrast: float = 90.0) -> np.ndarray:
    noise = np.random.default_rng(3).normal(0, 4, mask.shape)
    return np.clip(70 + noise + contrast * mask, 0, 255).astype(np.float32)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def clusters_by_loops(features: np.ndarray, clusters: int, compactness: float, iterations: int) -> np.ndarray:
    """One window, pixel by pixel and centre by centre."""
    height, width, _ = features.shape
    grid, steps = centre_grid(height, width, clusters)
    centres = [np.r_[place, np.zeros(features.shape[-1])] for place in grid]
    labels = np.full((height, width), -1)
    for _ in range(iterations):
        for row in range(height):
            for column in range(width):
                best = np.inf
                for number, centre in enumerate(centres):
                    if not (int(max(centre[0] - 2 * steps[0], 0)) <= row < int(centre[0] + 2 * steps[0] + 1)
                            and int(max(centre[1] - 2 * steps[1], 0)) <= column < int(centre[1] + 2 * steps[1] + 1)):
                        continue
                    distance = ((row - centre[0]) ** 2 + (column - centre[1]) ** 2) / max(steps) ** 2
                    distance += ((features[row, column] / compactness - centre[2:]) ** 2).sum()
                    if distance < best:
                        best, labels[row, column] = distance, number
        for number in range(len(centres)):
            rows, columns = np.nonzero(labels == number)
            centres[number] = np.r_[rows.mean(), columns.mean(), features[rows, columns].mean(axis=0) / compactness]
    return labels


def join_by_loops(labels: np.ndarray, least: int) -> np.ndarray:
    """One window: flood fill in reading order; small regions look for an earlier one."""
    height, width = labels.shape
    region, members = np.full(labels.shape, -1), []
    for start in np.ndindex(height, width):
        if region[start] >= 0:
            continue
        region[start], stack, pixels = len(members), [start], []
        while stack:
            row, column = stack.pop()
            pixels.append((row, column))
            for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                inside = 0 <= near[0] < height and 0 <= near[1] < width
                if inside and region[near] < 0 and labels[near] == labels[start]:
                    region[near] = len(members)
                    stack.append(near)
        members.append(sorted(pixels))
    joined = list(range(len(members)))
    for number, pixels in enumerate(members):
        if len(pixels) >= least:
            continue
        for row, column in pixels:
            if column and region[row, column - 1] < number:
                joined[number] = joined[region[row, column - 1]]
            elif row and region[row - 1, column] < number:
                joined[number] = joined[region[row - 1, column]]
    return np.array(joined)[region]


def same_parts(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two label maps divide the pixels alike, whatever the numbers."""
    pairs = set(zip(one.ravel().tolist(), other.ravel().tolist(), strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@pytest.mark.parametrize('shape', [(13, 13), (8, 7), (16, 9), (3, 30), (2, 40)])
def test_all_windows_at_once_give_what_loops_give_for_each(shape: tuple[int, int]) -> None:
    features = np.random.default_rng(0).normal(0, 30, (3, *shape, 2))
    found = linear_clusters(features, 9, 20.0, 4)
    for window in range(3):
        np.testing.assert_array_equal(found[window], clusters_by_loops(features[window], 9, 20.0, 4))


def test_clusters_are_those_of_scikit_image() -> None:
    rng = np.random.default_rng(1)
    grey = rng.random((4, 24, 19))
    grey -= grey.min(axis=(1, 2), keepdims=True)  # as scikit-image stretches it
    grey /= grey.max(axis=(1, 2), keepdims=True)
    ours = linear_clusters(grey[..., None], 9, 0.2)
    for window in range(4):
        theirs = slic(grey[window], 9, compactness=0.2, channel_axis=None, enforce_connectivity=False, start_label=0)
        np.testing.assert_array_equal(ours[window], theirs)


def test_a_window_of_at_most_as_many_pixels_as_clusters_has_one_cluster_a_pixel() -> None:
    assert len(np.unique(linear_clusters(np.zeros((1, 3, 3, 1)), 9))) == 9


def test_regions_of_all_windows_at_once_are_joined_as_by_loops() -> None:
    labels = np.random.default_rng(2).integers(0, 3, (5, 14, 11))
    found = join_fragments(labels, 6)
    for window in range(5):
        assert same_parts(found[window], join_by_loops(labels[window], 6))


def test_regions_never_join_across_windows() -> None:
    found = join_fragments(np.zeros((3, 4, 4), np.int64), 100)
    assert [len(np.unique(window)) for window in found] == [1, 1, 1] and len(np.unique(found)) == 3


def test_two_regions_of_one_cluster_become_two() -> None:
    labels = np.array([[[0, 0, 1, 1, 0, 0]]])
    assert len(np.unique(join_fragments(labels, 2))) == 3


def test_the_crf_follows_its_formula() -> None:
    rng = np.random.default_rng(4)
    probability, image = rng.random((4, 5)), rng.random((4, 5)) * 40
    rows, columns = (axis.ravel() for axis in np.indices((4, 5)))
    levels = image.ravel()
    log_prior = np.log(np.stack([1 - probability.ravel(), probability.ravel()]))
    kernels = [np.zeros((20, 20)), np.zeros((20, 20))]
    for i in range(20):
        for j in range(20):
            apart = (rows[i] - rows[j]) ** 2 + (columns[i] - columns[j]) ** 2
            kernels[0][i, j] = np.exp(-apart / (2 * 2.0 ** 2))
            kernels[1][i, j] = np.exp(-apart / (2 * 30.0 ** 2) - 3 * (levels[i] - levels[j]) ** 2 / (2 * 9.0 ** 2))
    belief = np.exp(log_prior)
    for _ in range(2):
        energy = log_prior.copy()
        for weight, kernel in zip((1.5, 4.0), kernels, strict=True):
            for i in range(20):
                for j in range(20):
                    energy[:, i] += weight * kernel[i, j] * belief[:, j] / np.sqrt(kernel[i].sum() * kernel[j].sum())
        belief = np.exp(energy) / np.exp(energy).sum(axis=0)
    found = refine(probability, image, 2, (1.5, 2.0), (4.0, 30.0, 9.0))
    np.testing.assert_allclose(found.ravel(), belief[1], rtol=1e-5)


def test_the_crf_fills_a_hole_among_pixels_that_look_alike() -> None:
    mask = disc((15, 15), 7, 7, 4).astype(np.float64)
    probability = mask * 0.9
    probability[6, 7] = 0.3
    assert refine(probability, 60 + 120 * mask)[6, 7] > 0.5


def test_the_crf_refuses_a_window_too_large_for_all_pairs() -> None:
    with pytest.raises(DataError, match='at most 4096 pixels'):
        refine(np.zeros((65, 64)), np.zeros((65, 64)))


@pytest.mark.parametrize(('radius', 'size'), [(1.5, 'point'), (3.5, 'spot'), (7.0, 'extended')])
def test_a_bright_disc_is_recovered(radius: float, size: str) -> None:
    mask = disc((64, 64), 30, 33, radius)
    points = points_of(mask)
    assert points == (TargetPoint(30, 33, size),)
    assert iou(pseudo_mask(scene(mask), points), mask) > 0.8


def test_a_dark_scene_around_a_bright_bar_stays_background() -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[30:34, 22:34] = 1
    found = pseudo_mask(scene(mask), points_of(mask))
    assert iou(found, mask) > 0.8 and (found & (1 - mask)).sum() <= 5


@pytest.mark.parametrize(('row', 'column'), [(0, 0), (63, 63), (0, 63), (40, 63)])
def test_a_target_at_the_border_is_recovered(row: int, column: int) -> None:
    mask = disc((64, 64), row, column, 4.5)
    assert iou(pseudo_mask(scene(mask), [TargetPoint(row, column, 'spot')]), mask) > 0.7


def test_two_neighbours_are_both_recovered() -> None:
    one, other = disc((64, 64), 30, 26, 3.5), disc((64, 64), 30, 37, 3.5)
    found = pseudo_mask(scene(one | other), points_of(one | other))
    assert iou(found, one | other) > 0.7
    assert (found & one).sum() > 0.8 * one.sum() and (found & other).sum() > 0.8 * other.sum()


@pytest.mark.parametrize('level', [0.0, 90.0, 255.0])
def test_a_flat_image_gives_a_mask_within_the_window(level: float) -> None:
    with np.errstate(all='raise'):
        found = pseudo_mask(np.full((64, 64), level, np.float32), [TargetPoint(20, 40)])
    assert found[20, 40] == 1 and set(np.unique(found)) == {0, 1}
    assert found.sum() == found[9:31, 29:51].sum() < 21 ** 2


def test_the_same_seed_gives_the_same_mask_and_another_seed_another() -> None:
    mask = disc((64, 64), 30, 33, 4)
    image = np.random.default_rng(0).normal(100, 12, mask.shape).astype(np.float32) + 15 * mask
    masks = [pseudo_mask(image, points_of(mask), seed) for seed in (7, 7, 8)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()


def test_a_points_mask_does_not_depend_on_points_that_follow() -> None:
    one, other = disc((64, 64), 12, 12, 3), disc((64, 64), 50, 50, 3)
    image, points = scene(one | other), points_of(one | other)
    np.testing.assert_array_equal(pseudo_mask(image, points[:1])[:32], pseudo_mask(image, points)[:32])


def test_no_points_give_an_empty_mask() -> None:
    assert pseudo_mask(scene(disc((32, 32), 16, 16, 3)), ()).sum() == 0


def test_an_image_of_one_row_is_labelled() -> None:
    assert pseudo_mask(np.array([[0, 200.0, 0]], np.float32), [TargetPoint(0, 1)])[0, 1] == 1


def test_the_point_is_target_whatever_the_crf_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point_labels, 'refine', lambda probability, window: np.zeros_like(probability))
    found = pseudo_mask(scene(disc((40, 40), 20, 20, 3)), [TargetPoint(20, 21)])
    assert np.argwhere(found).tolist() == [[20, 21]]


def test_the_probability_is_a_share_of_repetitions_and_one_at_the_point() -> None:
    window = scene(disc((21, 21), 10, 10, 3))
    found = point_probability(window, (10, 10), np.random.default_rng(0), ClusteringOptions(repetitions=8))
    assert found[10, 10] == 1
    np.testing.assert_array_equal(found * 8, np.round(found * 8))
    assert ((found > 0) & (found < 1)).any()


def test_without_salt_every_repetition_is_the_same() -> None:
    window = scene(disc((21, 21), 10, 10, 3))
    found = point_probability(window, (10, 10), np.random.default_rng(0), ClusteringOptions(repetitions=3, salt=0.0))
    assert set(np.unique(found)) == {0.0, 1.0}


def test_the_size_classes_end_at_9_and_81_pixels() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[0:3, 0:3] = mask[10:12, 0:5] = mask[20:29, 0:9] = mask[20:29, 20:29] = 1
    mask[29, 20] = 1
    assert [point.size for point in points_of(mask)] == ['point', 'spot', 'spot', 'extended']


def test_diagonal_pixels_are_one_target() -> None:
    assert points_of(np.eye(3, dtype=np.uint8)) == (TargetPoint(1, 1, 'point'),)


def test_a_coarse_point_is_any_pixel_of_its_target() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[4:7, 5:7] = 1
    seen = {(point.row, point.column) for seed in range(60) for point in points_of(mask, 'coarse', seed)}
    assert seen == set(zip(*(axis.tolist() for axis in np.nonzero(mask)), strict=True))


def test_a_coarse_point_is_the_seeds() -> None:
    mask = disc((40, 40), 20, 20, 8)
    assert points_of(mask, 'coarse', 5) == points_of(mask, 'coarse', 5)


def test_an_unknown_place_is_refused() -> None:
    with pytest.raises(ConfigError, match="points 'corner'; expected one of centroid, coarse"):
        points_of(np.zeros((3, 3)), 'corner')


@pytest.mark.parametrize('point', [TargetPoint(32, 0), TargetPoint(0, -1), TargetPoint(0, 0, 'huge')])
def test_a_point_that_cannot_be_is_refused(point: TargetPoint) -> None:
    with pytest.raises(DataError, match='expected a point inside it, of size point, spot, extended'):
        pseudo_mask(np.zeros((32, 32), np.float32), [point])


def test_an_image_in_colour_is_refused() -> None:
    with pytest.raises(DataError, match='Read it with read_image'):
        pseudo_mask(np.zeros((8, 8, 3), np.float32), [TargetPoint(1, 1)])


@pytest.mark.parametrize('wrong', [dict(repetitions=0), dict(salt=1.0), dict(clusters=0), dict(compactness=0.0)])
def test_options_that_cannot_cluster_are_refused(wrong: dict) -> None:
    with pytest.raises(ConfigError, match='expected 1 repetition and 1 cluster or more'):
        ClusteringOptions(**wrong)
