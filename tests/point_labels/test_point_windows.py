"""What a window goes through before and after it is clustered: salt, stretch, fragments, the point's place."""

import numpy as np
import pytest

from irstd_toolbox.datasets import point_labels
from irstd_toolbox.datasets.point_labels import (
    ClusteringOptions,
    TargetPoint,
    point_probability,
    points_of,
    pseudo_mask,
)

LEVELS = np.linspace(60.0, 120.0, 21 * 15).reshape(21, 15)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What ``point_probability`` hands on: Lab windows, and the least size of a region; every row is one region."""
    found = {}

    def cluster(lab: np.ndarray, *_: object) -> np.ndarray:
        found['lab'] = lab
        return np.zeros(lab.shape[:3], np.int64)

    def join(labels: np.ndarray, least: int) -> np.ndarray:
        found['least'] = least
        return labels + np.arange(labels.shape[1])[:, None]
    monkeypatch.setattr(point_labels, 'linear_clusters', cluster)
    monkeypatch.setattr(point_labels, 'join_fragments', join)
    return found


def test_salt_falls_on_each_channel_alone(seen: dict) -> None:
    point_probability(LEVELS, (3, 4), np.random.default_rng(0), ClusteringOptions())
    colour = np.abs(seen['lab'][..., 1:]).max(axis=-1) > 1  # one or two channels of three white, of a window of grey
    assert colour.mean() == pytest.approx(3 * 0.05 * 0.95**2 + 3 * 0.05**2 * 0.95, abs=0.01)


def test_a_window_is_stretched_from_black_to_white(seen: dict) -> None:
    point_probability(LEVELS, (3, 4), np.random.default_rng(0), ClusteringOptions(repetitions=2, salt=0.0))
    lightness = seen['lab'][..., 0].reshape(2, -1)
    np.testing.assert_allclose(lightness[:, [0, -1]], [[0, 100]] * 2, atol=1e-3)


def test_regions_below_half_the_mean_area_are_joined(seen: dict) -> None:
    point_probability(LEVELS, (3, 4), np.random.default_rng(0), ClusteringOptions(repetitions=1))
    assert seen['least'] == int(0.5 * 21 * 15 / 12)  # steps of 6 from 2: centres in four rows and three columns


def test_the_points_region_is_that_of_its_row_and_column(seen: dict) -> None:
    found = point_probability(LEVELS, (3, 11), np.random.default_rng(0), ClusteringOptions(repetitions=2))
    np.testing.assert_array_equal(found, np.repeat((np.arange(21) == 3)[:, None], 15, axis=1))


def test_a_target_inside_the_box_of_another_has_a_point_of_its_own() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[0, :] = mask[:, 0] = 1  # centroid (36 / 17, 36 / 17)
    mask[5:8, 6:9] = 1
    assert points_of(mask) == (TargetPoint(2, 2, 'spot'), TargetPoint(6, 7, 'point'))


def test_a_point_is_the_floor_of_its_targets_centroid() -> None:
    assert points_of(np.ones((4, 6))) == (TargetPoint(1, 2, 'spot'),)


def test_each_point_draws_windows_and_noise_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(point_labels, 'point_probability', lambda window, point, rng, options: drawn.append(
        rng.random()) or np.zeros_like(window))
    monkeypatch.setattr(point_labels, 'refine', lambda probability, window: probability)
    pseudo_mask(np.zeros((50, 50), np.float32), [TargetPoint(14, 14), TargetPoint(35, 35)])
    assert len(set(drawn)) == 2


def test_where_windows_overlap_both_masks_count(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = iter([1.0, 0.0])
    monkeypatch.setattr(point_labels, 'point_probability', lambda window, *_: np.zeros_like(window))
    monkeypatch.setattr(point_labels, 'refine', lambda probability, window: np.full(window.shape, next(masks)))
    found = pseudo_mask(np.zeros((30, 30), np.float32), [TargetPoint(14, 14, 'point'), TargetPoint(14, 16, 'point')])
    assert found[12:16, 12:17].all()
