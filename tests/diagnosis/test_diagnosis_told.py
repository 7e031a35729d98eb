"""A data set that tells its folders: mended where all lies below it, else refused before a byte is written."""

import json
import os
import shutil

import pytest

from irstd_toolbox.datasets.layouts import LAYOUT_FILE, detect
from irstd_toolbox.diagnosis.audit import audit
from irstd_toolbox.diagnosis.reading import examine
from irstd_toolbox.diagnosis.repair import repair
from irstd_toolbox.errors import ConfigError

PLACES = {'images': 'pics', 'masks': 'truth', 'descriptions': 'words'}


@pytest.fixture
def told(root):
    """``told(**changes)`` moves the folders of the data set and writes what tells them."""
    (root / 'descriptions').mkdir()
    (root / 'descriptions/scene_0.txt').write_text('a target')
    for old, new in PLACES.items():
        (root / old).rename(root / new)
    (root / 'lists').mkdir()
    for split in ('trainval', 'test'):
        (root / f'{split}.txt').rename(root / 'lists' / f'{split}.txt')

    def tell(**changes: str) -> None:
        splits = {split: changes.pop(split, f'lists/{split}.txt') for split in ('trainval', 'test')}
        (root / LAYOUT_FILE).write_text(json.dumps({**PLACES, **changes, 'splits': splits}))
    tell()
    return tell


@pytest.mark.parametrize('key', ['images', 'masks', 'descriptions', 'test'])
@pytest.mark.parametrize('where', ['../{}', '{root}/../{}', '{root}_elsewhere'])
def test_what_lies_outside_is_read_but_neither_mended_nor_touched(root, told, examined, tmp_path, state, key, where):
    inner = root / PLACES.get(key, 'lists/test.txt')
    outer = root.parent / (f'{root.name}_elsewhere' if where == '{root}_elsewhere' else 'labels_v2')
    inner.rename(outer)
    told(**{key: where.format('labels_v2', root=root)})
    result, before = examined(root), state(tmp_path)
    assert (len(result.layout.masks), len(result.layout.ids('test'))) == (8, 2)
    (root.parent / 'more').mkdir()
    with pytest.raises(ConfigError, match='lies outside the data set .*holds only what is below that folder'):
        repair(result, root.parent / 'more/out')
    assert state(tmp_path) == before and list((root.parent / 'more').iterdir()) == []


def test_the_same_is_refused_of_a_dict_and_of_an_empty_folder(root, told, tmp_path):
    (tmp_path / 'words').mkdir()
    layout = detect(root, layout=dict(images='pics', masks='truth', descriptions='../words'))
    with pytest.raises(ConfigError, match=r'\.\./words: lies outside the data set'):
        repair(audit(layout, examine(layout, workers=1)), tmp_path / 'out')


@pytest.mark.parametrize('front', ['', 'pics/../', '../own/', '{root}/', '{root}/../own/./'])
@pytest.mark.parametrize('linked', [False, True])
def test_what_lies_below_is_placed_there_however_it_is_told(
        root, told, examined, found, tmp_path, front, linked, monkeypatch):
    if linked:
        (root / 'truth').rename(tmp_path / 'elsewhere')
        (root / 'truth').symlink_to(tmp_path / 'elsewhere')
    front = front.format(root=root)
    told(**{key: front + name for key, name in PLACES.items()}, test=f'{front}lists/test.txt')
    monkeypatch.chdir(tmp_path)
    assert found(root) == found(root.relative_to(tmp_path)) == {}
    assert repair(examined(root.relative_to(tmp_path)), 'out').images == 8
    shutil.rmtree(root)
    names = {path.relative_to(tmp_path / 'out').as_posix() for path in (tmp_path / 'out').rglob('*.*')}
    pictures = {f'{folder}/scene_{number}.png' for folder in ('pics', 'truth') for number in range(8)}
    assert names == pictures | {LAYOUT_FILE, 'words/scene_0.txt', 'lists/trainval.txt', 'lists/test.txt'}
    copy = detect(tmp_path / 'out')
    assert (len(copy.masks), copy.ids('test', require_masks=True)) == (8, ('scene_6', 'scene_7'))
    assert list(copy.descriptions) == ['scene_0'] and found(tmp_path / 'out') == {}


def test_an_empty_folder_and_lists_that_are_left_out_leave_a_copy_that_can_be_read(root, told, examined, tmp_path):
    (root / 'words/scene_0.txt').unlink()
    (root / 'lists/test.txt').write_text('\n')
    told(trainval='lists/gone.txt')
    done = repair(examined(root), tmp_path / 'out')
    assert (done.lists, done.empty_lists) == (0, ('lists/gone.txt', 'lists/test.txt'))
    copy = detect(tmp_path / 'out')
    assert (len(copy.images), copy.splits, copy.told_descriptions) == (8, {}, tmp_path / 'out/words')
    assert copy.told_descriptions.is_dir()


def test_a_mask_without_image_is_found_among_those_told_by_an_absolute_path(root, told, found):
    shutil.copy(root / 'truth/scene_0.png', root / 'truth/other.png')
    (root / 'raw').mkdir()
    shutil.copy(root / 'pics/scene_0.png', root / 'raw/other.png')
    told(images='truth/../pics', masks=str(root / 'pics/../truth'))
    assert found(root) == {'orphan-mask': ('truth/other.png',), 'foreign-file': ('raw/*.png (1)',)}


def test_masks_beside_the_images_are_mended_there(root, told, examined, tmp_path):
    for path in sorted((root / 'truth').iterdir()):
        path.rename(root / 'pics' / f'{path.stem}.seg.png')
    (root / 'truth').rmdir()
    (root / 'truth').symlink_to(root / 'pics')
    told(mask_suffix='.seg')
    before = examined(root)
    repair(before, tmp_path / 'out')
    copy = examined(tmp_path / 'out')
    assert list(copy.facts) == list(before.facts) and len(copy.layout.masks) == 8
    for one, path in copy.layout.images.items():
        assert path.read_bytes() == before.layout.images[one].read_bytes()


def test_a_copy_of_what_was_insisted_on_does_not_tell_other_folders(root, told, examined, tmp_path):
    for name in ('images', 'masks'):
        shutil.copytree(root / PLACES[name], root / name)
    layout = detect(root, layout='own')
    repair(audit(layout, examine(layout, workers=1)), tmp_path / 'out')
    assert sorted(os.listdir(tmp_path / 'out')) == ['images', 'masks']
    assert len(detect(tmp_path / 'out').masks) == 8


def test_the_record_beside_told_descriptions_goes_along_and_is_no_foreign_file(root, told, examined, found, tmp_path):
    (root / 'words/provenance.json').write_text('{}')
    assert found(root) == {}
    repair(examined(root), tmp_path / 'out')
    assert (tmp_path / 'out/words/provenance.json').read_text() == '{}'
