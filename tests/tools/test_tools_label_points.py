"""tools/label_points.py: a data set of pseudo-labels that the loaders read, written whole or not at all."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from irstd_toolbox.datasets import point_label_set
from irstd_toolbox.datasets.dataset import IRSTDDataset
from irstd_toolbox.datasets.imaging import read_mask
from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.errors import ConfigError, DataError

Tool = Callable[[str], ModuleType]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Five images, three to train on, two to test on; the masks, named as NUAA-SIRST's are, have a row that is dark."""
    root, rng = tmp_path / 'data', np.random.default_rng(0)
    for folder in ('images', 'masks', 'idx_5'):
        (root / folder).mkdir(parents=True)
    for number in range(5):
        mask = np.zeros((40, 44), np.uint8)
        row, column = rng.integers(8, 30, 2)
        mask[row:row + 4, column:column + 5] = 255
        image = (rng.normal(60, 4, mask.shape) + 0.5 * mask).astype(np.uint8)
        mask[row + 4, column:column + 5] = 255
        cv2.imwrite(str(root / 'images' / f'a{number}.png'), image)
        cv2.imwrite(str(root / 'masks' / f'a{number}_pixels0.png'), mask)
    (root / 'idx_5' / 'trainval.txt').write_text('a0\na1\na2\n')
    (root / 'idx_5' / 'test.txt').write_text('a3\na4\n')
    return root


def run(load_tool: Tool, data: Path, *more: str) -> Path:
    load_tool('label_points').main([str(data), '--out', str(data.parent / 'points'), *more])
    return data.parent / 'points'


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith('.')]


def test_of_a_part_of_the_training_list_no_other_mask_is_trained_on(load_tool: Tool, data: Path) -> None:
    (data / 'idx_5' / 'val.txt').write_text('a2\n')
    (data / 'idx_5' / 'train.txt').write_text('a1\na2\n')
    (data.parent / 'some.txt').write_text('a0\na1\n')
    found = detect(run(load_tool, data, '--split', str(data.parent / 'some.txt')))
    assert {name: found.ids(name) for name in found.splits} == dict(
        trainval=('a0', 'a1'), val=('a2',), test=('a3', 'a4'))


def test_a_link_to_nothing_is_named(load_tool: Tool, data: Path) -> None:
    (data / 'images' / 'a1.png').unlink()
    (data / 'images' / 'a1.png').symlink_to('/nowhere.png')
    with pytest.raises(DataError, match='a1.png: no such file. Check the folder, or the link that leads there'):
        run(load_tool, data)


def test_a_link_to_an_empty_folder_is_filled(load_tool: Tool, data: Path) -> None:
    (data.parent / 'real').mkdir()
    (data.parent / 'points').symlink_to(data.parent / 'real')
    assert len(detect(run(load_tool, data)).images) == 5 and (data.parent / 'real' / 'masks').is_dir()


def test_the_loaders_read_what_is_written(load_tool: Tool, data: Path) -> None:
    found = detect(run(load_tool, data))
    assert found.layout == 'L6'
    assert found.ids('trainval', require_masks=True) == ('a0', 'a1', 'a2')
    assert found.ids('test', require_masks=True) == ('a3', 'a4')
    assert len(IRSTDDataset(str(found.root), split='trainval', holdout=0.4, part='fit')) == 2


def test_masks_to_train_on_are_pseudo_labels_near_the_true_ones(load_tool: Tool, data: Path) -> None:
    found, true = detect(run(load_tool, data)), detect(data)
    for image_id in ('a0', 'a1', 'a2'):
        label, mask = read_mask(found.masks[image_id]), read_mask(true.masks[image_id])
        assert 0.95 > (label & mask).sum() / (label | mask).sum() > 0.6


def test_masks_of_the_test_list_and_all_images_are_the_true_ones(load_tool: Tool, data: Path) -> None:
    found, true = detect(run(load_tool, data)), detect(data)
    for image_id in ('a3', 'a4'):
        assert found.masks[image_id].read_bytes() == true.masks[image_id].read_bytes()
    for image_id, path in true.images.items():
        assert found.images[image_id].read_bytes() == path.read_bytes()


def test_the_source_is_left_as_it_was(load_tool: Tool, data: Path) -> None:
    before = {path: path.read_bytes() for path in data.rglob('*') if path.is_file()}
    run(load_tool, data)
    assert {path: path.read_bytes() for path in data.rglob('*') if path.is_file()} == before


def test_it_says_how_well_the_labels_meet_the_true_masks(load_tool: Tool, data: Path, capsys) -> None:
    root = run(load_tool, data)
    found, true = detect(root), detect(data)
    pairs = [(read_mask(found.masks[name]), read_mask(true.masks[name])) for name in ('a0', 'a1', 'a2')]
    inside, union = (np.array([part(*pair).sum() for pair in pairs]) for part in (np.bitwise_and, np.bitwise_or))
    said = capsys.readouterr().out
    assert '3 masks from 3 centroid points, 2 true masks' in said
    assert f'IoU {100 * inside.sum() / union.sum():.2f}, nIoU {100 * (inside / union).mean():.2f} ' in said


def test_the_record_holds_every_point_and_how_it_was_made(load_tool: Tool, data: Path) -> None:
    root = run(load_tool, data, '--points', 'coarse', '--seed', '4')
    record = json.loads((root / point_label_set.RECORD).read_text())
    assert (record['points'], record['seed'], record['split'], record['options']['repetitions']) == (
        'coarse', 4, 'trainval', 50)
    true = detect(data)
    for image_id, image in record['images'].items():
        point, = image['points']
        assert read_mask(true.masks[image_id])[point['row'], point['column']] == 1


def test_the_same_seed_gives_the_same_points_and_masks_whatever_else_is_labelled(load_tool: Tool, data: Path) -> None:
    first = run(load_tool, data, '--points', 'coarse')
    (data / 'idx_5' / 'trainval.txt').write_text('a2\na0\n')
    again = data.parent / 'again'
    load_tool('label_points').main([str(data), '--out', str(again), '--points', 'coarse'])
    points = [json.loads((root / point_label_set.RECORD).read_text())['images'] for root in (first, again)]
    for image_id in ('a0', 'a2'):
        assert points[0][image_id] == points[1][image_id]
        mask = f'masks/{image_id}.png'
        assert (first / mask).read_bytes() == (again / mask).read_bytes()


@pytest.mark.parametrize('split', ['test', 'all'])
def test_the_test_list_is_refused(load_tool: Tool, data: Path, split: str) -> None:
    with pytest.raises(ConfigError, match='has 2 images of the test list, such as a3; .*--label-test'):
        run(load_tool, data, '--split', split)
    assert not (data.parent / 'points').exists() and not hidden(data.parent)


def test_an_image_on_both_lists_is_refused(load_tool: Tool, data: Path) -> None:
    (data / 'idx_5' / 'test.txt').write_text('a2\na3\n')
    with pytest.raises(ConfigError, match='has 1 images of the test list, such as a2'):
        run(load_tool, data)


def test_the_test_list_is_labelled_when_asked(load_tool: Tool, data: Path) -> None:
    found = detect(run(load_tool, data, '--split', 'all', '--label-test'))
    true = detect(data)
    assert (read_mask(found.masks['a3']) != read_mask(true.masks['a3'])).any()
    assert found.ids('trainval') == ('a0', 'a1', 'a2')


def test_a_folder_that_holds_something_is_refused(load_tool: Tool, data: Path) -> None:
    (data.parent / 'points').mkdir()
    (data.parent / 'points' / 'mine.txt').write_text('x')
    with pytest.raises(DataError, match='points exists. Expected no such folder, or an empty one'):
        run(load_tool, data)
    assert [path.name for path in (data.parent / 'points').iterdir()] == ['mine.txt']


def test_an_empty_folder_is_filled(load_tool: Tool, data: Path) -> None:
    (data.parent / 'points').mkdir()
    assert (run(load_tool, data) / 'trainval.txt').is_file()


def test_a_broken_mask_leaves_nothing_behind(load_tool: Tool, data: Path) -> None:
    (data / 'masks' / 'a2_pixels0.png').write_bytes(b'not an image')
    with pytest.raises(DataError, match='a2_pixels0.png'):
        run(load_tool, data)
    assert not (data.parent / 'points').exists() and not hidden(data.parent)


def test_neither_an_interruption_nor_an_earlier_kill_leaves_anything_behind(
        load_tool: Tool, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = subprocess.Popen(['true'])
    killed.wait()
    (data.parent / f'.points.{killed.pid}.partial' / 'masks').mkdir(parents=True)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt
    monkeypatch.setattr(point_label_set, 'pseudo_mask', interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(load_tool, data)
    assert not (data.parent / 'points').exists() and not hidden(data.parent)


def test_files_are_copied_where_they_cannot_be_linked(
        load_tool: Tool, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError('another file system')
    monkeypatch.setattr(point_label_set.os, 'link', refuse)
    root = run(load_tool, data)
    assert (root / 'images' / 'a0.png').stat().st_ino != (data / 'images' / 'a0.png').stat().st_ino
    assert (root / 'images' / 'a0.png').read_bytes() == (data / 'images' / 'a0.png').read_bytes()


def test_a_data_set_without_lists_gets_a_training_list(load_tool: Tool, data: Path) -> None:
    for name in ('trainval', 'test'):
        (data / 'idx_5' / f'{name}.txt').unlink()
    assert detect(run(load_tool, data, '--split', 'all')).ids('trainval') == ('a0', 'a1', 'a2', 'a3', 'a4')
