"""A data set of one's own tells its folders and lists, by a dict or a file."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.datasets.layouts import LAYOUT_FILE, detect
from irstd_toolbox.errors import ConfigError, DataError


@pytest.fixture
def make(tmp_path):
    """Write files below a folder: an image for image names, the given or else empty text for others."""
    def write(folder: str, *names: str, **lists: str) -> Path:
        root = tmp_path / folder
        for name in (*names, *(f'{name.replace("__", "/")}.txt' for name in lists)):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == '.png':
                Image.fromarray(np.zeros((1, 1), np.uint8)).save(path)
            else:
                path.write_text(lists.get(name.removesuffix('.txt').replace('/', '__'), 'a target in the center'))
        return root
    return write


def test_the_folders_may_be_told(make):
    root = make('mine', 'pics/a.png', 'truth/a.seg.png', 'words/a.txt', lists__fit='a')
    found = detect(root, name='irstd1k', layout=dict(
        images='pics', masks='truth', mask_suffix='.seg', descriptions='words', splits=dict(train='lists/fit.txt')))
    assert (found.name, found.ids('train', require_masks=True)) == ('IRSTD-1k', ('a',))
    assert found.descriptions == {'a': root / 'words/a.txt'}


@pytest.mark.parametrize('told', [dict(images='pics', mask='truth'), dict(masks='truth')])
def test_a_dict_with_other_keys_is_refused(make, told):
    with pytest.raises(ConfigError, match='expected images and, where there are any, masks, descriptions'):
        detect(make('mine', 'pics/a.png'), layout=told)


def test_a_told_folder_that_is_absent_is_an_error(make):
    with pytest.raises(DataError, match=r"truth: no such folder. It was told as layout\['masks'\]"):
        detect(make('mine', 'pics/a.png'), layout=dict(images='pics', masks='truth'))


def test_the_folder_itself_may_tell_its_folders(make):
    told = dict(images='pics', masks='truth', mask_suffix='.seg', splits=dict(train='lists/fit.txt'))
    root = make('data/mine', 'pics/a.png', 'truth/a.seg.png', 'images/other.png', lists__fit='a')
    assert list(detect(root).images) == ['other']
    (root / LAYOUT_FILE).write_text(json.dumps(told))
    make('data/another', 'images/b.png')
    for found in (detect(root), detect(root.parent, 'mine')):
        assert (found.name, found.ids('train', require_masks=True)) == ('mine', ('a',))
    assert list(detect(root, layout='own').images) == ['other']  # what a caller insists on counts
    assert list(detect(root, layout=dict(images='truth')).images) == ['a.seg']
    (root / 'test.txt').write_text('a')
    assert set(detect(root).splits) == {'train'}
    assert detect(root, layout=dict(images='pics', splits=None)).ids('test') == ('a',)  # as in any layout


@pytest.mark.parametrize(('text', 'message'), [
    ('{"images": ', 'cannot be read as JSON .*Expected a dict such as'),
    ('["pics"]', r"\['pics'\]; expected images and, where there are any, masks"),
    ('{"masks": "pics"}', 'a dict with masks; expected images'),
    ('{"images": "pics", "masks": 3}', 'masks is 3; a text is expected'),
    ('{"images": "pics", "splits": ["a.txt"]}', r"splits is \['a.txt'\]; lists by their names"),
    ('{"images": "pics", "splits": {"train": null}}', 'split train is None; a text is expected'),
    ('{"images": "pics", "splits": {"all": "a.txt"}}', "a list 'all', which is every image; expected another name"),
    ('{"images": "none"}', rf"none: no such folder. It was told as {LAYOUT_FILE}\['images'\]")])
def test_a_wrong_file_of_folders_is_refused(make, text, message):
    root = make('mine', 'pics/a.png')
    (root / LAYOUT_FILE).write_text(text)
    with pytest.raises(DataError, match=message):
        detect(root)


def test_a_folder_of_descriptions_that_is_not_there_yet_may_be_told(make):
    root = make('mine', 'pics/a.png', 'descriptions/a.txt')
    (root / 'words.txt').write_text('')
    found = detect(root, layout=dict(images='pics', descriptions='words'))
    assert (found.told_descriptions, found.descriptions) == (root / 'words', {})
    with pytest.raises(DataError, match=r"words.txt: no such folder. It was told as layout\['descriptions'\]"):
        detect(root, layout=dict(images='pics', descriptions='words.txt'))


@pytest.mark.parametrize('masks', [None, 'pics', 'truth/../pics', 'linked'])
def test_a_told_suffix_finds_the_masks_beside_the_images(make, masks):
    root = make('mine', 'pics/a.png', 'pics/a.seg.png', 'pics/b_mask.png', 'truth/a.png')
    (root / 'linked').symlink_to(root / 'pics')
    found = detect(root, layout=dict(images='pics', masks=masks, mask_suffix='.seg'))
    assert list(found.images) == ['a', 'b_mask'] and found.masks == {'a': root / 'pics/a.seg.png'}


def test_what_told_the_folders_is_told_anew_by_paths_below_them(make):
    root = make('mine', 'pics/a.png', 'truth/a.png', lists__fit='a', lists__none='')
    told = dict(images=str(root / 'pics'), masks='pics/../truth', mask_suffix='', descriptions=None,
                splits=dict(train=root / 'lists/../lists/fit.txt', test='lists/none.txt'))
    assert detect(root, layout=told).retold(without=[Path('lists/none.txt')]) == dict(
        images='pics', masks='truth', mask_suffix='', descriptions=None, splits=dict(train='lists/fit.txt'))
    assert detect(make('other', 'images/a.png')).retold() is None
