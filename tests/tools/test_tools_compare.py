"""tools/compare.py: every form of result gives one table, and pairs that do not belong together are refused."""

import json
import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.protocols import get


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eight images with a 3x4 target each, a test list of all and a short list of three."""
    root = tmp_path / 'own'
    for name in ('images', 'masks'):
        (root / name).mkdir(parents=True)
    for number in range(8):
        mask = np.zeros((24, 32), np.uint8)
        mask[6:9, 3 * number:3 * number + 4] = 255
        for name in ('images', 'masks'):
            cv2.imwrite(str(root / name / f'scene_{number}.png'), mask)
    for name, count in (('trainval', 8), ('test', 8), ('short', 3)):
        (root / f'{name}.txt').write_text('\n'.join(f'scene_{number}' for number in range(count)))
    return root


@pytest.fixture
def methods(data: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of predictions: the masks, and the masks without their first column and with a speck in half."""
    folders = tmp_path / 'a', tmp_path / 'b'
    for folder in folders:
        folder.mkdir()
    for number in range(8):
        mask = cv2.imread(str(data / 'masks' / f'scene_{number}.png'), 0)
        cv2.imwrite(str(folders[0] / f'scene_{number}.png'), mask)
        mask[:, 3 * number] = 0
        mask[20, 20] = 255 * (number % 2)
        cv2.imwrite(str(folders[1] / f'scene_{number}.png'), mask)
    return folders


@pytest.fixture
def say(load_tool: Callable[[str], ModuleType], capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch,
        ) -> Callable[..., str]:
    """What the tool prints, in one line; few resamples."""
    monkeypatch.setenv('COLUMNS', '200')
    tool = load_tool('compare')
    def call(*argv: object) -> str:
        capsys.readouterr()
        tool.main(['--resamples', '50', *(str(argument) for argument in argv)])
        return ' '.join(capsys.readouterr().out.split())
    return call


@pytest.fixture
def tables(load_tool: Callable[[str], ModuleType], methods: tuple[Path, Path], data: Path, tmp_path: Path,
           ) -> tuple[Path, Path]:
    """What evaluate.py writes of both: a.csv, b.csv and beside them a.json, b.json."""
    files = []
    for folder in methods:
        files.append(tmp_path / f'{folder.name}.csv')
        load_tool('evaluate').main([
            str(folder), str(data), '--protocol', 'canonical', 'dnanet', '--per-image', str(files[-1]), '--out',
            str(files[-1].with_suffix('.json'))])
    return tuple(files)


def test_folders_and_tables_of_counters_give_the_same(say, methods, tables, data: Path) -> None:
    shown = say(*methods, '--data-root', data)
    assert 'IoU │ 100.00 │ 72.00 │ -28.00 │' in shown and '│ [100.00, 100.00] │ [' in shown and '0/8/0' in shown
    assert say(*tables) == shown


def test_a_narrow_terminal_cuts_no_figure_off(say, tables, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = say(*tables)
    monkeypatch.setenv('COLUMNS', '30')
    words = [word for word in wide.split() if word[0] in '[+-0123456789']
    assert '…' not in wide and [word for word in say(*tables).split() if word[0] in '[+-0123456789'] == words


@pytest.mark.parametrize('options', [('--seed', '-1'), ('--level', '95'), ('--resamples', '0')])
def test_draws_that_cannot_be_made_are_refused_before_anything_is_read(say, options: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match='expected at least 1 resample, 0 < level < 1 and a seed from 0'):
        say('no_such_folder', 'nor_this', *options)


def test_the_figures_are_written(say, tables, tmp_path: Path) -> None:
    say(*tables, '--protocol', 'canonical', '--out', tmp_path / 'out.json')
    written = json.loads((tmp_path / 'out.json').read_text())
    iou = written['metrics']['IoU']
    assert (iou['first'], iou['second']) == (1.0, 72 / 100) and iou['difference']['value'] == pytest.approx(-0.28)
    assert written['about']['images'] == 8 and written['about']['resamples'] == 50
    # Without an image that has a speck, 9 of 13 pixels, the others have 63 of 87: the equals are in the list's order.
    assert iou['without'] == dict.fromkeys(['scene_1', 'scene_3', 'scene_5'], pytest.approx(63 / 87 - 1))


def test_the_images_that_move_a_difference_most_are_named(say, tables) -> None:
    shown = say(*tables)
    assert 'IoU │ -28.00 │ -27.59 │ -27.59 │ -27.59 │ │ │ │ scene_1 │ scene_3 │ scene_5 │' in shown
    assert 'Pd │ +0.00 │ – │ – │ – │' in shown
    assert say(tables[0], tables[0]).count('+0.00 │ – │ – │ – │') == 4


def test_sums_that_differ_by_rounding_move_nothing(load_tool: Callable[[str], ModuleType]) -> None:
    found = load_tool('compare').most_moving(0.3, np.array([0.3 + 1e-16, 0.4, np.nan, 0.1]), ['a', 'b', 'c', 'd'])
    assert found == {'d': 0.1, 'b': 0.4}


def test_a_metric_that_no_image_defines_has_no_difference(say, tables) -> None:
    for path in tables:
        header, *lines = path.read_text().splitlines()
        place = {name: header.split(',').index(name) for name in ('targets', 'matched')}
        rows = [line.split(',') for line in lines]
        for row in rows:
            row[place['targets']] = row[place['matched']] = '0'
        path.write_text('\n'.join([header, *map(','.join, rows)]) + '\n')
    shown = say(*tables)
    assert shown.count('Pd │ – │ – │ – │ – │') == 2 and 'nan' not in shown


def test_a_test_folder_is_counted_from_its_predictions(say, methods, tables, data: Path) -> None:
    for folder, table in zip(methods, tables, strict=True):
        predictions = folder / 'predictions'
        predictions.mkdir()
        for file in folder.glob('*.png'):
            file.rename(predictions / file.name)
        shutil.copy(table.with_suffix('.json'), folder / 'results.json')
    expected = say(*tables)
    assert say(*methods, '--data-root', data) == expected
    assert say(methods[0] / 'results.json', methods[1], '--data-root', data) == expected


def test_predictions_that_are_not_those_of_their_results_are_refused(say, methods, tables, data: Path) -> None:
    shutil.copy(tables[1].with_suffix('.json'), methods[0] / 'results.json')
    with pytest.raises(DataError, match=r'intersection 96, its results.json says 72'):
        say(*methods, '--data-root', data)


@pytest.mark.parametrize(('told', 'message'), [
    (dict(dataset='theirs'), 'different data sets'), (dict(split='val', ids_sha256='x'), 'different splits'),
    (dict(ids_sha256='x'), 'different lists'), (dict(protocols=[3]), 'is no results.json of this toolbox'),
    (dict(protocols={'canonical': 3}), 'is no results.json of this toolbox')])
def test_results_of_another_list_are_refused_before_anything_is_counted(
        say, methods, tables, told: dict, message: str) -> None:
    for folder, table in zip(methods, tables, strict=True):
        shutil.copy(table.with_suffix('.json'), folder / 'results.json')
    changed = json.loads((methods[1] / 'results.json').read_text())
    changed['fingerprint'].update(told)
    (methods[1] / 'results.json').write_text(json.dumps(changed))
    with pytest.raises(DataError, match=message):
        say(*methods)


def test_a_result_of_another_split_than_the_one_given_is_refused(say, methods, tables, data: Path) -> None:
    shutil.copy(tables[0].with_suffix('.json'), methods[0] / 'results.json')
    with pytest.raises(DataError, match=r'was tested on own, test \(8 images\), which is not the list given here \(3'):
        say(*methods, '--data-root', data, '--split', 'short')


def test_tables_of_other_images_are_refused(say, tables) -> None:
    lines = tables[1].read_text().splitlines(keepends=True)
    tables[1].write_text(''.join(line for line in lines if not line.startswith('scene_7')))
    with pytest.raises(DataError, match=r'1 only in .*a\.csv \(scene_7\)'):
        say(*tables)


def test_a_table_counted_under_another_protocol_is_refused(say, tables) -> None:
    with pytest.raises(ConfigError, match="was not counted under 'lgnet', but under canonical, dnanet"):
        say(*tables, '--protocol', 'lgnet')


def test_tables_counted_at_another_threshold_need_the_same_option(
    say, methods, data: Path, load_tool: Callable[[str], ModuleType], tmp_path: Path,
) -> None:
    files = [tmp_path / f'{folder.name}_low.csv' for folder in methods]
    for folder, file in zip(methods, files, strict=True):
        load_tool('evaluate').main([str(folder), str(data), '--threshold', '0.3', '--per-image', str(file)])
    with pytest.raises(DataError, match=r"a_low\.csv, line 2: counted under 'canonical' by other rules"):
        say(*files)
    assert '100.00 │ 72.00 │' in say(*files, '--threshold', '0.3')


def test_predictions_without_data_are_refused(say, methods) -> None:
    with pytest.raises(ConfigError, match='give --data-root'):
        say(*methods)


def test_a_result_without_predictions_is_refused_with_the_way_out(say, tables, tmp_path: Path) -> None:
    lonely = tmp_path / 'lonely' / 'a.json'
    lonely.parent.mkdir()
    shutil.copy(tables[0].with_suffix('.json'), lonely)
    for folder in ('nothing', 'predictions'):  # of which it does not say that they are its own
        (lonely.parent / folder).mkdir()
        with pytest.raises(DataError, match='is no results.json with predictions/ beside it.*--per-image FILE.csv'):
            say(lonely, tables[1])


@pytest.mark.parametrize('name', ['none', 'none.csv', 'none.json'])
def test_what_is_not_there_is_said(say, tables, name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f'{name} does not exist'):
        say(tmp_path / name, tables[1])


def test_a_missing_prediction_is_named(say, methods, data: Path) -> None:
    (methods[1] / 'scene_4.png').unlink()
    with pytest.raises(DataError, match='no prediction for 1 of 8 images: scene_4'):
        say(*methods, '--data-root', data)


def test_0_1_masks_are_said_to_be(load_tool: Callable[[str], ModuleType], methods: tuple[Path, Path], data: Path,
                                  recwarn: pytest.WarningsRecorder) -> None:
    for path in methods[1].iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path), 0) // 255)
    args = Namespace(data_root=data, dataset=None, split='short')
    for folder in methods:
        load_tool('compare').score(folder, args, get('canonical'))
    said, = (str(one.message) for one in recwarn)
    assert said.startswith(f'{methods[1]}: every prediction that is not blank holds only 0 and 1 in 8 bit')


def test_a_damaged_prediction_is_named_once(say, methods, data) -> None:
    (methods[1] / 'scene_2.png').write_bytes(b'no picture')
    with pytest.raises(DataError) as told:
        say(*methods, '--data-root', data)
    assert str(told.value).startswith(f'{methods[1] / "scene_2.png"} cannot be read')
