"""hIoU and SCRG beside the protocols of a result: values by hand, in results.json and in the tables."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.extras import ExtraCounter

Main = Callable[..., None]


@pytest.fixture(scope='module')
def main(load_tool: Callable) -> Main:
    """tools/evaluate.py."""
    module = load_tool('evaluate')
    return lambda *argv: module.main([str(argument) for argument in argv])


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Predictions and data: two 32x32 checkerboards of 8 and 12 with targets of 30, predicted over 0.1 and 0.3.

    In ``a`` one of two 2x2 targets is predicted, exactly, with 0.9; in ``b`` the only one a row too low.
    """
    data, predictions = tmp_path / 'own', tmp_path / 'predictions'
    for folder in (data / 'images', data / 'masks', predictions):
        folder.mkdir(parents=True)
    for name, boxes, found in (('a', [(14, 14), (26, 26)], (14, 14)), ('b', [(14, 14)], (15, 14))):
        image = np.tile(np.array([[8, 12], [12, 8]], np.uint8), (16, 16))
        probabilities, mask = np.where(image == 8, 0.1, 0.3), np.zeros((32, 32), np.uint8)
        for top, left in boxes:
            mask[top:top + 2, left:left + 2] = 255
        image[mask > 0] = 30
        probabilities[found[0]:found[0] + 2, found[1]:found[1] + 2] = 0.9
        cv2.imwrite(str(data / 'images' / f'{name}.png'), image)
        cv2.imwrite(str(data / 'masks' / f'{name}.png'), mask)
        np.save(predictions / f'{name}.npy', probabilities)
    for split in ('trainval', 'test'):
        (data / f'{split}.txt').write_text('a\nb')
    (data / 'second.txt').write_text('b')
    return predictions, data


def extras(main: Main, folders: tuple[Path, Path], tmp_path: Path, *options: str) -> dict:
    main(*folders, '--protocol', 'canonical', '--out', tmp_path / 'results.json', '--extra', *options)
    return json.loads((tmp_path / 'results.json').read_text())['extras']


def test_hiou_is_counted_over_all_images(main: Main, folders: tuple[Path, Path], tmp_path: Path) -> None:
    # Pairs of IoU 1 and 2/6, one target missed: units 3.
    found = extras(main, folders, tmp_path, 'hIoU')
    assert list(found) == ['hIoU']
    shown = found['hIoU']
    assert shown['hIoU'] == pytest.approx(4 / 9)
    assert (shown['seg_IoU'], shown['loc_IoU']) == pytest.approx((2 / 3, 2 / 3))
    assert (shown['seg_perception'], shown['seg_interference'], shown['loc_perception']) == pytest.approx(
        (1 / 6, 1 / 6, 1 / 3))
    assert [shown[key] for key in ('targets', 'regions', 'matched', 'threshold')] == [3, 2, 2, 0.5]


def test_what_lies_at_the_threshold_is_not_predicted() -> None:
    counter = ExtraCounter(['hIoU'], threshold=0.3)
    counter.add(np.array([[0.3, 0.0, 0.31]]), np.ones((1, 3), dtype=bool))
    assert counter.results()['hIoU']['hIoU'] == 1 / 3


def test_the_threshold_option_holds_for_hiou(main: Main, folders: tuple[Path, Path], tmp_path: Path) -> None:
    found = extras(main, folders, tmp_path, 'hIoU', '--threshold', '0.95')['hIoU']
    assert (found['hIoU'], found['threshold']) == (0, 0.95)


def test_scrg_bsf_and_cg_of_a_checkerboard(main: Main, folders: tuple[Path, Path], tmp_path: Path) -> None:
    predictions, data = folders
    image = cv2.imread(str(data / 'images' / 'b.png'), 0)
    np.save(predictions / 'b.npy', np.select([image == 8, image == 12], [0.1, 0.3], 0.9))
    found = extras(main, folders, tmp_path, 'SCRG', '--split', 'second.txt')
    # SCR 20 / 2 and 0.7 / 0.1; brought to 0..1, deviations 2 / 22 and 0.1 / 0.8, contrasts 20 / 22 and 0.7 / 0.8.
    assert list(found) == ['SCRG']
    shown = found['SCRG']
    assert (shown['SCRG'], shown['BSF'], shown['CG']) == pytest.approx((0.7, 8 / 11, 0.9625))
    assert [shown[key] for key in ('targets', 'flat', 'undefined')] == [1, 0, 0]


def test_an_infinite_gain_is_written_as_a_word(main: Main, folders: tuple[Path, Path], tmp_path: Path) -> None:
    predictions, data = folders
    np.save(predictions / 'b.npy', (cv2.imread(str(data / 'masks' / 'b.png'), 0) > 0).astype(float))
    found = extras(main, folders, tmp_path, 'SCRG', '--split', 'second.txt')['SCRG']
    assert (found['flat'], found['SCRG'], found['SCRG_median']) == (1, None, 'inf')


def test_the_tables_follow_that_of_the_protocols(
    main: Main, folders: tuple[Path, Path], capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('COLUMNS', '120')
    main(*folders, '--protocol', 'canonical', '--extra', 'hIoU', 'SCRG')
    text = ' '.join(capsys.readouterr().out.split())
    assert text.index('│ canonical') < text.index('│ segmentation │ 66.67 │ 0.00 │ 16.67 │ 16.67 │ │ │')
    assert '│ location │ 66.67 │ │ 0.00 │ 33.33 │ 0.00 │ 0.00 │' in text
    assert '2 pairs of 3 targets and 2 regions; hIoU 44.44' in text
    assert '3 targets; 0 flat and 0 undefined ones' in text


def test_without_the_option_there_are_no_extras(main: Main, folders: tuple[Path, Path], tmp_path: Path) -> None:
    main(*folders, '--protocol', 'canonical', '--out', tmp_path / 'results.json')
    assert 'extras' not in json.loads((tmp_path / 'results.json').read_text())


def test_a_prediction_of_another_size_than_its_image_is_refused_by_name(
    main: Main, folders: tuple[Path, Path], tmp_path: Path,
) -> None:
    np.save(folders[0] / 'a.npy', np.zeros((256, 256)))
    with pytest.raises(DataError, match=r'a\.npy: the prediction is 256x256 .* its image 32x32; hIoU is counted'):
        main(*folders, '--protocol', 'dnanet', '--out', tmp_path / 'results.json', '--extra', 'hIoU')
    assert not (tmp_path / 'results.json').exists()


def test_an_unknown_extra_is_refused() -> None:
    with pytest.raises(ConfigError, match="'hiou' is no extra; expected any of hIoU, SCRG"):
        ExtraCounter(['hiou'])
