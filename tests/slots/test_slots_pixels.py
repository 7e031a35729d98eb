"""Packed pictures decode to the pixels that were packed."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.datasets.dataset import IRSTDDataset
from irstd_toolbox.datasets.imaging import read_image, read_mask, read_pixels
from irstd_toolbox.datasets.layouts import LAYOUT_FILE, detect
from irstd_toolbox.errors import DataError
from irstd_toolbox.slots.data import expand_data, pack_data
from irstd_toolbox.slots.pixels import restore, shrink, squeezed

RNG = np.random.default_rng(1)
SMOOTH = (np.add.outer(np.arange(60), np.arange(50)) + RNG.integers(0, 3, (60, 50))).astype(np.uint8)
COLOUR = np.stack([SMOOTH, SMOOTH + 7, 255 - SMOOTH], 2)
GREY_MASK = np.zeros((60, 50), np.uint8)
GREY_MASK[10:13, 20:24], GREY_MASK[12, 24] = 255, 140


def _palette() -> Image.Image:
    return Image.fromarray(COLOUR).quantize(16)


PICTURES: dict[str, Callable[[Path], None]] = {
    'L': lambda path: Image.fromarray(SMOOTH).save(path),
    'RGB equal': lambda path: Image.fromarray(np.stack([SMOOTH] * 3, 2)).save(path),
    'RGB unequal': lambda path: Image.fromarray(COLOUR).save(path),
    'RGBA': lambda path: Image.fromarray(np.dstack([COLOUR, SMOOTH])).save(path),
    'P': lambda path: _palette().save(path),
    '16 bit': lambda path: cv2.imwrite(str(path), SMOOTH.astype(np.uint16) * 257 + 3),
    '16 bit colour': lambda path: cv2.imwrite(str(path), COLOUR.astype(np.uint16) * 200),
    'mask of one bit': lambda path: Image.fromarray(GREY_MASK > 0).save(path),
    'mask of two levels': lambda path: Image.fromarray(np.where(GREY_MASK > 0, 255, 0).astype(np.uint8)).save(path),
    'grey mask': lambda path: Image.fromarray(GREY_MASK).save(path),
    'empty mask': lambda path: Image.fromarray(GREY_MASK * 0).save(path),
}


@pytest.mark.parametrize('kind', PICTURES)
def test_a_restored_picture_has_the_pixels_of_its_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / 'before.png'
    PICTURES[kind](path)
    after = restore(shrink(path), tmp_path / 'after.png')
    before, found = squeezed(read_pixels(path)), squeezed(read_pixels(after))
    assert (before.dtype, before.shape) == (found.dtype, found.shape)
    assert np.array_equal(before, found)


@pytest.mark.parametrize('kind', PICTURES)
def test_what_is_trained_on_is_bit_identical(tmp_path: Path, kind: str) -> None:
    path = tmp_path / 'before.png'
    PICTURES[kind](path)
    after = restore(shrink(path), tmp_path / 'after.png')
    assert read_image(path).tobytes() == read_image(after).tobytes()
    if 'mask' in kind:
        assert np.array_equal(read_mask(path), read_mask(after))


@pytest.mark.parametrize('kind, how', [('16 bit', 'file'), ('mask of two levels', 'bits'), ('RGBA', 'webp')])
def test_a_picture_is_stored_in_the_smallest_way(tmp_path: Path, kind: str, how: str) -> None:
    path = tmp_path / 'picture.png'
    PICTURES[kind](path)
    stored = shrink(path)
    assert stored.how == how
    assert len(stored.data) <= path.stat().st_size


def test_a_jpeg_keeps_its_file(tmp_path: Path) -> None:
    path = tmp_path / 'picture.jpg'
    Image.fromarray(RNG.integers(0, 255, (60, 50)).astype(np.uint8)).save(path, quality=40)
    assert restore(shrink(path), tmp_path / 'after.jpg').read_bytes() == path.read_bytes()


def test_a_bitmap_becomes_a_png(tmp_path: Path) -> None:
    Image.fromarray(SMOOTH).save(tmp_path / 'picture.bmp')
    after = restore(shrink(tmp_path / 'picture.bmp'), tmp_path / 'after.bmp')
    assert after.name == 'after.png'
    assert np.array_equal(read_pixels(after), SMOOTH)


def test_a_packed_data_set_gives_the_same_samples(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / 'data.zip').write_bytes(pack_data(tiny))
    expand_data(tmp_path / 'data.zip', tmp_path / 'there' / 'tiny')
    before, after = (IRSTDDataset(str(root), split='test', pipeline=[
        dict(type='LoadImage'), dict(type='LoadTargetMask')]) for root in (tiny, tmp_path / 'there' / 'tiny'))
    assert len(before) == len(after) == 5
    for first, second in zip(before, after, strict=True):
        assert first['image_id'] == second['image_id']
        assert np.array_equal(first['img'], second['img'])
        assert np.array_equal(first['gt_mask'], second['gt_mask'])


def test_no_file_of_an_archive_before_stays(tiny: Path, tmp_path: Path) -> None:
    archive, place = tmp_path / 'tiny.zip', tmp_path / 'expanded'
    (tiny / 'notes.txt').write_text('of the first archive')
    for left in ({'notes.txt', 'test.txt', 'trainval.txt'}, {'test.txt', 'trainval.txt'}):
        archive.write_bytes(pack_data(tiny))
        expand_data(archive, place)
        assert {path.name for path in place.glob('*.txt')} == left
        (tiny / 'notes.txt').unlink(missing_ok=True)


def test_descriptions_go_along_and_hidden_files_do_not(tiny: Path, tmp_path: Path) -> None:
    (tiny / 'descriptions').mkdir()
    (tiny / 'descriptions' / 'scene_0.txt').write_text('one target')
    (tiny / 'images' / '._scene_0.png').write_bytes(b'x')
    (tiny / 'weights.bin').write_bytes(b'x')
    (tmp_path / 'data.zip').write_bytes(pack_data(tiny))
    expand_data(tmp_path / 'data.zip', tmp_path / 'there')
    assert (tmp_path / 'there' / 'descriptions' / 'scene_0.txt').read_text() == 'one target'
    assert not (tmp_path / 'there' / 'images' / '._scene_0.png').exists()
    assert not (tmp_path / 'there' / 'weights.bin').exists()


def test_linked_folders_go_along(tiny: Path, tmp_path: Path) -> None:
    for name in ('images', 'masks'):
        (tiny / name).rename(tmp_path / name)
        (tiny / name).symlink_to(tmp_path / name)
    (tiny / 'images' / 'back').symlink_to(tiny)
    (tmp_path / 'data.zip').write_bytes(pack_data(tiny))
    expand_data(tmp_path / 'data.zip', tmp_path / 'there')
    assert len(detect(tmp_path / 'there').masks) == len(detect(tiny).masks) == 13


@pytest.mark.parametrize('told', [
    dict(images='images', masks='../labels'), dict(images='images', masks='.labels'),
    dict(images='images', masks='masks', splits=dict(test='../test.txt'))])
def test_a_data_set_of_which_a_file_would_stay_behind_is_refused(tiny: Path, told: dict) -> None:
    masks = tiny / told['masks']
    if not masks.exists():
        (tiny / 'masks').rename(masks)
    (tiny / '../test.txt').write_text('scene_0')
    (tiny / LAYOUT_FILE).write_text(json.dumps(told))
    with pytest.raises(DataError, match='would stay behind'):
        pack_data(tiny)


def test_told_folders_are_told_in_the_archive_by_paths_below_it(tiny: Path, tmp_path: Path) -> None:
    splits = dict(test='none/../test.txt', val='gone.txt')
    told = dict(images=str(tiny / 'images'), masks='../tiny/masks', splits=splits)
    (tiny / 'none').mkdir()
    (tiny / LAYOUT_FILE).write_text(json.dumps(told))
    (tmp_path / 'data.zip').write_bytes(pack_data(tiny))
    shutil.rmtree(tiny)
    expand_data(tmp_path / 'data.zip', tmp_path / 'there')
    found = detect(tmp_path / 'there')
    assert (len(found.masks), len(found.ids('test'))) == (13, 5)


@pytest.mark.parametrize('index', [None, '{', '3', '{"b": "file"}'])
def test_an_archive_that_is_no_data_set_is_refused(tmp_path: Path, index: str | None) -> None:
    with zipfile.ZipFile(tmp_path / 'other.zip', 'w') as file:
        file.writestr('a', 'b')
        if index:
            file.writestr('files.json', index)
    with pytest.raises(DataError, match='is no packed data set; it lacks files.json, or what that names. Pack it'):
        expand_data(tmp_path / 'other.zip', tmp_path / 'there')
