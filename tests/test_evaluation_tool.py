"""tools/evaluate.py on folders: the form of results.json, agreement with the data, and errors before any output."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from irstd_toolbox.datasets.imaging import image_shape, read_mask
from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.results import hash_ids

DEFAULT = ['canonical', 'basicirstd', 'sctransnet', 'dnanet', 'rpcanet', 'acm', 'lgnet', 'mmseg']
COUNTERS = {'images', 'targets', 'matched', 'intersection', 'union', 'false_alarm_pixels', 'pixels'}
Main = Callable[[list[str]], None]


@pytest.fixture(scope='module')
def main(load_tool: Callable) -> Main:
    """The tool's entry point."""
    module = load_tool('evaluate')
    return lambda argv: module.main([str(argument) for argument in argv])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eight 48x64 images, of which the last is without a target, with a test list of all."""
    root = tmp_path / 'own'
    for name in ('images', 'masks'):
        (root / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    ids = [f'scene_{number}' for number in range(8)]
    for number, image_id in enumerate(ids):
        mask = np.zeros((48, 64), dtype=np.uint8)
        if number < 7:
            mask[10 : 14 + number, 5 * number : 5 * number + 4] = 255
        cv2.imwrite(str(root / 'masks' / f'{image_id}.png'), mask)
        cv2.imwrite(str(root / 'images' / f'{image_id}.png'), rng.integers(0, 200, (48, 64), dtype=np.uint8))
    for split in ('trainval', 'test'):
        (root / f'{split}.txt').write_text('\n'.join(ids))
    return root


@pytest.fixture
def predictions(data: Path, tmp_path: Path) -> Path:
    """The masks as predictions."""
    folder = tmp_path / 'predictions'
    folder.mkdir()
    for mask in (data / 'masks').iterdir():
        (folder / mask.name).write_bytes(mask.read_bytes())
    return folder


def scored(main: Main, predictions: Path, data: Path, out: Path, *options: str) -> dict:
    main([predictions, data, '--out', out, *options])
    return json.loads(out.read_text())


def test_results_have_the_documented_form(main: Main, predictions: Path, data: Path, tmp_path: Path) -> None:
    results = scored(main, predictions, data, tmp_path / 'results.json')
    assert list(results) == ['protocols', 'counts', 'fingerprint']
    assert list(results['protocols']) == list(results['counts']) == DEFAULT
    for name in DEFAULT:
        assert {'IoU', 'nIoU', 'Pd', 'Fa'} <= set(results['protocols'][name])
        assert set(results['counts'][name]) >= COUNTERS
        assert all(type(value) is int for value in results['counts'][name].values())


def test_the_fingerprint_identifies_images_and_rules(
    main: Main, predictions: Path, data: Path, tmp_path: Path,
) -> None:
    fingerprint = scored(main, predictions, data, tmp_path / 'results.json', '--protocol', 'dnanet')['fingerprint']
    assert fingerprint['ids_sha256'] == hash_ids(f'scene_{number}' for number in range(8))
    assert (fingerprint['dataset'], fingerprint['split'], fingerprint['images']) == ('own', 'test', 8)
    assert (fingerprint['targets'], fingerprint['foreground_pixels'], fingerprint['pixels']) == (7, 196, 8 * 48 * 64)
    assert fingerprint['protocols']['dnanet']['pixels'] == 8 * 256**2
    assert fingerprint['protocols']['dnanet']['rules']['size'] == [256, 256]


def test_masks_as_predictions_are_perfect_at_native_size(
    main: Main, predictions: Path, data: Path, tmp_path: Path,
) -> None:
    results = scored(main, predictions, data, tmp_path / 'results.json', '--protocol', 'canonical', 'mmseg')
    for metrics in results['protocols'].values():
        assert [metrics[key] for key in ('Pd', 'Fa', 'IoU')] == [1, 0, 1]
    assert results['protocols']['canonical']['nIoU'] == 1
    assert results['counts']['canonical']['empty_images'] == 1


def test_an_undefined_metric_is_written_as_null(main: Main, predictions: Path, data: Path, tmp_path: Path) -> None:
    (data / 'empty.txt').write_text('scene_7')
    results = scored(main, predictions, data, tmp_path / 'results.json', '--split', 'empty.txt')
    assert results['protocols']['canonical']['Pd'] is None
    assert results['protocols']['canonical']['IoU'] is None
    assert results['protocols']['canonical']['Fa'] == 0


def test_a_shifted_prediction_has_the_values_by_hand(
    main: Main, predictions: Path, data: Path, tmp_path: Path,
) -> None:
    for path in predictions.iterdir():
        cv2.imwrite(str(path), np.roll(cv2.imread(str(path), 0), 4, axis=0))  # 4 px: no match, all of it false alarm
    results = scored(main, predictions, data, tmp_path / 'results.json', '--protocol', 'canonical')
    common = sum(4 * number for number in range(7))
    assert results['counts']['canonical']['intersection'] == common
    assert results['protocols']['canonical']['IoU'] == common / (2 * 196 - common)
    assert results['protocols']['canonical']['Pd'] == 0
    assert results['protocols']['canonical']['Fa'] == 196 / (8 * 48 * 64)


def test_8_bit_16_bit_and_npy_predictions_score_alike(
    main: Main, predictions: Path, data: Path, tmp_path: Path,
) -> None:
    expected = scored(main, predictions, data, tmp_path / 'results.json')
    for number, path in enumerate(sorted(predictions.iterdir())):
        values = cv2.imread(str(path), 0) / 255
        if number % 2:
            cv2.imwrite(str(path), (values * 65535).astype(np.uint16))
        else:
            np.save(path.with_suffix('.npy'), values)
            path.unlink()
    assert scored(main, predictions, data, tmp_path / 'results.json') == expected


def test_the_threshold_option_replaces_that_of_every_protocol(
    main: Main, predictions: Path, data: Path, tmp_path: Path,
) -> None:
    for path in predictions.iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path), 0) // 4)
    usual = scored(main, predictions, data, tmp_path / 'results.json', '--protocol', 'canonical')
    lower = scored(main, predictions, data, tmp_path / 'results.json', '--protocol', 'canonical', '--threshold', '0.2')
    assert [usual['protocols']['canonical']['Pd'], lower['protocols']['canonical']['Pd']] == [0, 1]
    assert lower['fingerprint']['protocols']['canonical']['rules']['threshold'] == 0.2


def test_json_option_prints_what_the_file_holds(
    main: Main, predictions: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    results = scored(main, predictions, data, tmp_path / 'results.json', '--json')
    assert json.loads(capsys.readouterr().out) == results


def test_the_table_shows_fa_in_parts_per_million(
    main: Main, predictions: Path, data: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    np.save(predictions / 'scene_7.npy', np.eye(48, 64))
    (predictions / 'scene_7.png').unlink()
    main([predictions, data])
    assert f'{48 / (8 * 48 * 64) * 1e6:.2f}' in capsys.readouterr().out


def test_per_image_counters_add_up_to_the_result(main: Main, predictions: Path, data: Path, tmp_path: Path) -> None:
    results = scored(main, predictions, data, tmp_path / 'results.json', '--per-image', tmp_path / 'images.csv')
    header, *rows = [line.split(',') for line in (tmp_path / 'images.csv').read_text().splitlines()]
    assert len(rows) == 8 * len(DEFAULT)
    column = header.index('union')
    assert sum(int(row[column]) for row in rows if row[1] == 'lgnet') == results['counts']['lgnet']['union']


def test_0_1_predictions_are_scored_as_they_are_with_a_note(
    main: Main, predictions: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    for path in predictions.iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path), 0) // 255)
    results = scored(main, predictions, data, tmp_path / 'results.json', '--protocol', 'canonical')
    assert results['protocols']['canonical']['Pd'] == 0
    assert 'holds only 0 and 1 in 8 bit' in capsys.readouterr().err


def test_missing_predictions_are_counted_and_five_are_named(
    main: Main, predictions: Path, data: Path, tmp_path: Path,
) -> None:
    for number in range(1, 8):
        (predictions / f'scene_{number}.png').rename(predictions / f'scene_{number}_pred.png')
    with pytest.raises(DataError, match='no prediction for 7 of 8 images: scene_1, .*, scene_5 and 2 more. Expected .* '
                                        r'another --split\. scene_1_pred\.png, .*, scene_5_pred\.png \.\.\. are there'):
        main([predictions, data, '--out', tmp_path / 'results.json'])
    assert not (tmp_path / 'results.json').exists()


def test_a_prediction_of_another_size_is_named_and_nothing_is_written(
    main: Main, predictions: Path, data: Path, tmp_path: Path,
) -> None:
    np.save(predictions / 'scene_7.npy', np.zeros((32, 32)))
    (predictions / 'scene_7.png').unlink()
    with pytest.raises(DataError, match="scene_7.npy: the prediction is 32x32 .* protocol 'canonical' expects 64x48"):
        main([predictions, data, '--out', tmp_path / 'results.json'])
    assert not (tmp_path / 'results.json').exists()


def test_an_unreadable_prediction_is_named_and_nothing_is_written(
    main: Main, predictions: Path, data: Path, tmp_path: Path,
) -> None:
    (predictions / 'scene_3.png').write_bytes(b'no image')
    with pytest.raises(DataError, match='scene_3.png cannot be read'):
        main([predictions, data, '--out', tmp_path / 'results.json'])
    assert not (tmp_path / 'results.json').exists()


def test_a_missing_folder_is_an_error(main: Main, data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match='nowhere is no folder; expected one with predictions'):
        main([tmp_path / 'nowhere', data])


def test_a_folder_as_output_is_an_error(main: Main, predictions: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='is a folder; expected the name of the file to write'):
        main([predictions, data, '--out', tmp_path])


def test_a_whole_evaluation_loads_no_torch(predictions: Path, data: Path, repository: Path) -> None:
    program = (
        'import runpy, sys; sys.argv = sys.argv[1:]; HEAVY = ["torch", "mmengine", "mmseg"]\n'
        'try: runpy.run_path(sys.argv[0], run_name="__main__")\n'
        'except SystemExit as leave: status = leave.code\n'
        'sys.exit(f"{status} {sorted({*sys.modules} & set(HEAVY))}")')
    tool = repository / 'tools' / 'evaluate.py'
    done = subprocess.run(
        [sys.executable, '-c', program, tool, predictions, data], cwd=repository, capture_output=True, text=True,
        check=False)
    assert done.stderr.splitlines()[-1] == '0 []', done.stderr


@pytest.mark.parametrize(('name', 'targets'), [('NUAA-SIRST', 109), ('IRSTD-1k', 297)])
def test_real_ground_truth_as_prediction_is_perfect_at_native_size(
    main: Main, real_data: Callable[[str], Path], tmp_path: Path, name: str, targets: int,
) -> None:
    layout = detect(real_data(name))
    for image_id in layout.ids('test'):
        truth = read_mask(layout.masks[image_id], shape=image_shape(layout.images[image_id]))
        cv2.imwrite(str(tmp_path / f'{image_id}.png'), truth * 255)
    native = ['canonical', 'basicirstd', 'sctransnet', 'mmseg']
    results = scored(main, tmp_path, real_data(name), tmp_path / 'results.json', '--protocol', *native)
    for protocol in native:
        metrics = results['protocols'][protocol]
        assert [metrics[key] for key in ('IoU', 'nIoU', 'Pd', 'Fa')] == [1, 1, 1, 0]
        assert results['counts'][protocol]['targets'] == targets
