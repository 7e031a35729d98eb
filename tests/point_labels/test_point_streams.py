"""What is drawn of one seed for a target: its point and its window."""

import numpy as np
import pytest

from irstd_toolbox.datasets import point_labels
from irstd_toolbox.datasets.point_labels import points_of, pseudo_mask


def test_the_windows_margin_does_not_follow_from_the_coarse_points_place(monkeypatch: pytest.MonkeyPatch) -> None:
    mask, tops = np.zeros((48, 48), np.uint8), []
    mask[20:28, 20:28] = 1

    def note(window: np.ndarray, point: tuple[int, int], *_: object) -> np.ndarray:
        tops.append(point[0])
        return np.zeros_like(window)

    monkeypatch.setattr(point_labels, 'point_probability', note)
    monkeypatch.setattr(point_labels, 'refine', lambda probability, window: probability)
    rows = []
    for image in range(600):
        point, = points_of(mask, 'coarse', [0, image])
        rows.append(point.row)
        pseudo_mask(mask, [point], [0, image])
    upper = np.array(rows) < 24
    assert set(tops) == {10, 11} and 0.4 < upper.mean() < 0.6
    for half in (upper, ~upper):
        assert 0.4 < (np.array(tops)[half] == 11).mean() < 0.6
