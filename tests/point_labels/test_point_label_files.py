"""What is written of one image's pseudo-mask, what it is drawn by, and what is said of all."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from irstd_toolbox.datasets import point_label_set
from irstd_toolbox.datasets.point_labels import ClusteringOptions


def test_masks_hold_0_and_255_and_each_image_draws_by_its_own_id(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds, path = [], tmp_path / 'any.png'
    monkeypatch.setattr(point_label_set, 'pseudo_mask', lambda image, points, seed, options: seeds.append(
        tuple(seed)) or np.eye(8, dtype=np.uint8))
    cv2.imwrite(str(path), np.eye(8, dtype=np.uint8) * 255)
    found = SimpleNamespace(images=dict.fromkeys('ab', path), masks=dict.fromkeys('ab', path))
    for image_id, seed in (('a', 3), ('a', 3), ('b', 3), ('a', 4)):
        told = point_label_set._label(found, image_id, tmp_path / 'masks', 'centroid', seed, ClusteringOptions())
    assert seeds[0] == seeds[1] and len(set(seeds)) == 3
    assert (told['intersection'], told['union'], len(told['points'])) == (8, 8, 1)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'masks' / 'b.png'), cv2.IMREAD_UNCHANGED),
                                  np.eye(8, dtype=np.uint8) * 255)


def test_an_image_without_targets_and_label_counts_one_in_the_mean_of_images() -> None:
    record = {'a': dict(points=[], intersection=0, union=0), 'b': dict(points=[{}], intersection=1, union=2)}
    report = point_label_set._report(record, 3)
    assert (report.images, report.points, report.iou, report.niou, report.true) == (2, 1, 0.5, 0.75, 3)
