"""Every export read back: the layouts by the loader, boxes and points against the masks that the loader reads."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.datasets.holdout import carve
from irstd_toolbox.datasets.imaging import image_shape, read_image, read_mask
from irstd_toolbox.datasets.layouts import LAYOUT_FILE, detect
from irstd_toolbox.diagnosis.exporting import FORMATS, export
from irstd_toolbox.diagnosis.lists import families
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.regions import find_regions

pytestmark = pytest.mark.filterwarnings('ignore:.*the mask was resampled')


@pytest.fixture
def mixed(root):
    """The scenes in five forms of file, two targets in one, none in another, one mask of twice the size."""
    images, masks = root / 'images', root / 'masks'
    one = cv2.imread(str(images / 'scene_0.png'), cv2.IMREAD_UNCHANGED)
    (images / 'scene_0.png').unlink()
    Image.fromarray(one).save(images / 'scene_0.bmp')
    (images / 'scene_1.png').unlink()
    Image.fromarray(one.astype(np.uint16) * 150).save(images / 'scene_1.tif')
    colours = np.random.default_rng(0).integers(0, 255, (40, 48, 3), dtype=np.uint8)
    Image.fromarray(colours).save(images / 'scene_2.jpg')
    (images / 'scene_2.png').unlink()
    Image.fromarray(one.astype(np.float32) / 7).save(images / 'scene_3.tif')
    (images / 'scene_3.png').unlink()
    (images / 'scene_6.png').unlink()
    Image.fromarray(one > 90).save(images / 'scene_6.bmp')
    mask = cv2.imread(str(masks / 'scene_4.png'), cv2.IMREAD_UNCHANGED)
    mask[30:33, 1] = 255
    cv2.imwrite(str(masks / 'scene_4.png'), mask)
    cv2.imwrite(str(masks / 'scene_5.png'), np.zeros_like(mask))
    cv2.imwrite(str(masks / 'scene_7.png'), np.kron(mask, np.ones((2, 2), np.uint8)))
    return root


@pytest.fixture
def exported(mixed, examined, tmp_path):
    """``exported(form)`` is the original as the loader reads it, and the folder."""
    def run(form: str) -> tuple:
        assert export(examined(mixed), form, tmp_path / 'out') == 8
        return detect(mixed), tmp_path / 'out'
    return run


def truth(layout, one):
    return read_mask(layout.masks[one], image_shape(layout.images[one]))


@pytest.mark.parametrize(('form', 'layout'), [('nuaa', 'L1'), ('mshnet', 'L6'), ('basicirstd', 'L4')])
def test_an_exported_layout_is_detected_and_holds_the_same(exported, form, layout):
    before, out = exported(form)
    after = detect(out)
    assert after.layout == layout
    assert list(after.images) == list(before.images) and list(after.masks) == list(before.masks)
    for split in ('trainval', 'test'):
        assert after.ids(split, require_masks=True) == before.ids(split)
    for one in before.images:
        np.testing.assert_array_equal(read_image(after.images[one]), read_image(before.images[one]))
        np.testing.assert_array_equal(read_mask(after.masks[one], align=False), truth(before, one))


def test_official_sirst_has_masks_named_pixels0_and_a_folder_of_lists_by_the_number_of_images(exported):
    _, out = exported('nuaa')
    assert (out / 'masks/scene_0_pixels0.png').is_file()
    assert sorted(path.name for path in (out / 'idx_8').iterdir()) == ['test.txt', 'trainval.txt']


def test_basicirstd_has_lists_named_after_the_data_set(exported):
    _, out = exported('basicirstd')
    assert sorted(path.name for path in (out / 'img_idx').iterdir()) == ['test_own.txt', 'train_own.txt']


@pytest.mark.parametrize('form', ['mshnet', 'coco', 'yolo'])
def test_images_become_png_but_for_floats(exported, form):
    _, out = exported(form)
    assert sorted({path.suffix for path in (out / 'images').rglob('*') if path.is_file()}) == ['.png', '.tif']


def boxes(mask):
    """First column, first row, width, height and area of each region."""
    regions = find_regions(mask == 1)
    rows, columns = np.divmod(regions.pixels, mask.shape[1])
    for number in range(len(regions)):
        y, x = rows[regions.labels == number], columns[regions.labels == number]
        yield [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1, len(x)]


def test_coco_boxes_are_those_of_the_masks(exported):
    before, out = exported('coco')
    seen = set()
    for split in ('trainval', 'test'):
        content = json.loads((out / f'annotations/instances_{split}.json').read_text())
        assert [Path(one['file_name']).stem for one in content['images']] == list(before.ids(split))
        assert content['categories'] == [{'id': 1, 'name': 'target'}]
        for image in content['images']:
            one = Path(image['file_name']).stem
            assert image_shape(out / 'images' / image['file_name']) == (image['height'], image['width'])
            found = [[*box['bbox'], box['area']] for box in content['annotations'] if box['image_id'] == image['id']]
            assert found == list(boxes(truth(before, one)))
            seen.add(image['id'])
        assert {box['category_id'] for box in content['annotations']} == {1}
        assert [box['id'] for box in content['annotations']] == list(range(1, len(content['annotations']) + 1))
    assert seen == set(range(1, 9))


def test_yolo_boxes_are_those_of_the_masks_and_val_is_held_out_of_training(exported):
    before, out = exported('yolo')
    training = before.ids('trainval')
    parts = {'train': carve(training, 0.1, 'fit'), 'val': carve(training, 0.1, 'holdout'), 'test': before.ids('test')}
    for part, ids in parts.items():
        assert sorted(path.stem for path in (out / 'images' / part).iterdir()) == sorted(ids)
        for one in ids:
            lines = [line.split() for line in (out / 'labels' / part / f'{one}.txt').read_text().splitlines()]
            expected = []
            for x, y, width, height, _ in boxes(truth(before, one)):
                expected.append([0, (x + width / 2) / 48, (y + height / 2) / 40, width / 48, height / 40])
            np.testing.assert_allclose(np.array(lines, float).reshape(-1, 5), np.reshape(expected, (-1, 5)), atol=1e-7)
    assert (out / 'data.yaml').read_text() == (
        'train: images/train\nval: images/val\ntest: images/test\nnames:\n  0: target\n')


@pytest.mark.parametrize(('lists', 'trained'), [
    (dict(train='01', val='2', test='7'), '012'), (dict(trainval='0123', train='01', val='4', test='7'), '0123'),
    (dict(trainval='0123', trainvaltest='01237', test='7'), '0123')])
def test_what_is_trained_on_is_trainval_or_train_and_val_where_there_is_none(root, examined, tmp_path, lists, trained):
    (root / 'trainval.txt').unlink()
    for name, ids in lists.items():
        (root / f'{name}.txt').write_text(''.join(f'scene_{number}\n' for number in ids))
    found = examined(root)
    export(found, 'basicirstd', tmp_path / 'out/a')
    export(found, 'mshnet', tmp_path / 'out/b')
    for place in ('a/img_idx/train_own.txt', 'b/trainval.txt'):
        assert (tmp_path / 'out' / place).read_text() == ''.join(f'scene_{number}\n' for number in trained)
    assert {path.stem for path in (tmp_path / 'out/b').glob('*.txt')} == {'trainval', *lists} - {'trainvaltest'}


def test_yolo_takes_the_lists_train_and_val_where_there_are_such(root, examined, tmp_path):
    (root / 'train.txt').write_text('scene_0\nscene_1\n')
    (root / 'val.txt').write_text('scene_2\n')
    export(examined(root), 'yolo', tmp_path / 'out')
    assert {part.name: len(list(part.iterdir())) for part in (tmp_path / 'out/images').iterdir()} == {
        'train': 2, 'val': 1, 'test': 2}


def test_yolo_trains_on_trainval_without_val_where_there_is_no_train(root, examined, tmp_path):
    validating = (root / 'trainval.txt').read_text().split()[:2]
    (root / 'val.txt').write_text('\n'.join(validating))
    export(examined(root), 'yolo', tmp_path / 'out')
    found = {part.name: {path.stem for path in part.iterdir()} for part in (tmp_path / 'out/images').iterdir()}
    assert found['val'] == set(validating)
    assert found['train'] == set((root / 'trainval.txt').read_text().split()) - set(validating)


def test_yolo_counts_the_images_that_it_writes(root, examined, tmp_path):
    (root / 'trainval.txt').unlink()
    assert export(examined(root), 'yolo', tmp_path / 'out') == 2
    assert len([*(tmp_path / 'out/images').rglob('*.png')]) == 2


def test_the_plain_names_count_in_whatever_order_they_are_told(root, examined, tmp_path):
    (root / 'lists').mkdir()
    for name, ids in (('train_a', '0'), ('test_a', '67'), ('train', '01'), ('test', '7')):
        (root / f'lists/{name}.txt').write_text(''.join(f'scene_{number}\n' for number in ids))
    splits = {name: f'lists/{name}.txt' for name in ('train_a', 'test_a', 'train', 'test')}
    told = dict(images='images', masks='masks', splits={**splits, 'val_a': 'lists/train.txt', 'val': 'lists/train.txt'})
    (root / LAYOUT_FILE).write_text(json.dumps(told))
    first, second = families(detect(root))
    assert (first.name, first.names) == ('', {'train': 'train', 'test': 'test'}) and second.name == 'a'
    export(examined(root), 'nuaa', tmp_path / 'out')
    assert (tmp_path / 'out/idx_8/test.txt').read_text() == 'scene_7\n'


def test_points_are_the_centroids_of_the_targets(exported):
    before, out = exported('points')
    with open(out / 'points.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7 + 1 + 1  # scene_4 and scene_7 have two, scene_5 has none
    for one in before.images:
        regions = find_regions(truth(before, one) == 1)
        mine = [row for row in rows if row['image_id'] == one]
        np.testing.assert_allclose([[float(row['y']), float(row['x'])] for row in mine] or np.zeros((0, 2)),
                                   regions.centroids, atol=1e-4)
        assert [int(row['area']) for row in mine] == regions.areas.tolist()
        assert {row['side'] for row in mine} <= {'training' if one in before.ids('trainval') else 'test'}


@pytest.mark.parametrize('form', FORMATS)
def test_an_export_touches_nothing_of_the_data_set_and_needs_no_lists(root, examined, tmp_path, state, form):
    for split in ('trainval', 'test'):
        (root / f'{split}.txt').unlink()
    before = state(root)
    assert export(examined(root), form, tmp_path / 'out') == 8
    assert state(root) == before


def test_images_that_cannot_be_used_are_left_out_and_off_the_lists(root, examined, tmp_path):
    (root / 'masks/scene_0.png').unlink()
    (root / 'images/scene_6.png').write_bytes(b'')
    assert export(examined(root), 'mshnet', tmp_path / 'out') == 6
    after = detect(tmp_path / 'out')
    assert after.ids('test', require_masks=True) == ('scene_7',)
    assert after.ids('trainval', require_masks=True) == tuple(f'scene_{number}' for number in range(1, 6))


def test_an_unknown_form_is_an_error_that_names_the_known_ones(root, examined, tmp_path):
    with pytest.raises(ConfigError, match="'voc' is not known. Known: nuaa, mshnet"):
        export(examined(root), 'voc', tmp_path / 'out')


def test_a_data_set_without_masks_cannot_be_exported(root, examined, tmp_path):
    for path in (root / 'masks').iterdir():
        path.unlink()
    with pytest.raises(DataError, match='nothing to export'):
        export(examined(root), 'coco', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
