"""Split lists: how they are written in the wild, what their names mean, and what is wrong with them."""

import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.datasets.splits import read_list
from irstd_toolbox.errors import DataError


@pytest.fixture
def root(tmp_path):
    """A data set of images and masks a, b, c and no list yet."""
    for name in 'abc':
        for folder in ('images', 'masks'):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(np.zeros((1, 1), dtype=np.uint8)).save(tmp_path / folder / f'{name}.png')
    return tmp_path


@pytest.mark.parametrize('content', [
    b'a\nb\n', b'a\nb', b'a\r\nb\r\n', b'a\r\nb', b'\xef\xbb\xbfa\nb\n', b'\n a \n\n\tb\n\n', b'a.png\nb.BMP\n',
    b'/a\n./b\n', b'images/a.png\nimages\\b.png\n',
], ids=['LF', 'no last break', 'CRLF', 'CRLF, no last break', 'byte order mark', 'blanks', 'extensions', 'slashes',
        'folder'])
def test_a_list_reads_the_same_however_it_is_written(tmp_path, content):
    (tmp_path / 'l.txt').write_bytes(content)
    assert read_list(tmp_path / 'l.txt') == ('a', 'b')


def test_a_dot_that_is_no_extension_stays_in_the_id(tmp_path):
    (tmp_path / 'l.txt').write_text('scene.1\n1(814)\nx.description\n')
    assert read_list(tmp_path / 'l.txt') == ('scene.1', '1(814)', 'x.description')


def test_an_id_that_is_listed_twice_counts_once_with_a_warning(tmp_path):
    (tmp_path / 'l.txt').write_text('b\na\nb.png\n')
    with pytest.warns(UserWarning, match="l.txt: 1 ids are listed more than once.*'b'"):
        assert read_list(tmp_path / 'l.txt') == ('b', 'a')


@pytest.mark.parametrize('content', [b'', b'\n \r\n', b'\xef\xbb\xbf\n'])
def test_an_empty_list_is_an_error(tmp_path, content):
    (tmp_path / 'l.txt').write_bytes(content)
    with pytest.raises(DataError, match='l.txt: the split list is empty. Give one id a line'):
        read_list(tmp_path / 'l.txt')


def test_a_list_that_is_not_utf_8_is_an_error(tmp_path):
    (tmp_path / 'l.txt').write_bytes('a\nb\n'.encode('utf-16'))
    with pytest.raises(DataError, match='l.txt: not a readable UTF-8 text file'):
        read_list(tmp_path / 'l.txt')


def test_a_missing_list_is_an_error(tmp_path):
    with pytest.raises(DataError, match='l.txt: no such split list'):
        read_list(tmp_path / 'l.txt')


def test_a_list_keeps_its_order(root):
    (root / 'test.txt').write_text('c\na\n')
    assert detect(root).ids('test') == ('c', 'a')


def test_all_is_every_image(root):
    assert detect(root).ids('all') == ('a', 'b', 'c')


def test_trainval_falls_back_on_train_and_says_so(root):
    (root / 'train.txt').write_text('a\n')
    split = detect(root).resolve('trainval')
    assert (split.ids, split.note) == (('a',), 'there is no trainval list; the train list stands in')
    assert split.describe() == f'trainval: 1 images from {root / "train.txt"} ({split.note})'


def test_train_falls_back_on_trainval_only_where_there_is_no_val(root):
    (root / 'trainval.txt').write_text('a\nb\n')
    assert detect(root).ids('train') == ('a', 'b')
    (root / 'val.txt').write_text('b\n')
    with pytest.raises(DataError, match="no split 'train'. Known: all, trainval, val"):
        detect(root).ids('train')


def test_val_never_falls_back_and_the_error_names_the_holdout(root):
    (root / 'train.txt').write_text('a\n')
    with pytest.raises(DataError, match=r"no split 'val'. Known: all, train; .*carve a part from trainval \(holdout\)"):
        detect(root).ids('val')


def test_without_lists_only_all_is_known(root):
    with pytest.raises(DataError, match="no split 'test'. Known: all; the path of a list file"):
        detect(root).ids('test')


def test_a_list_may_be_given_by_path(root, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp('lists')
    (elsewhere / 'mine.txt').write_text('b\n')
    (root / 'five.txt').write_text('c\n')
    monkeypatch.chdir(elsewhere)
    found = detect(root)
    assert (found.ids(str(elsewhere / 'mine.txt')), found.ids('mine.txt'), found.ids('five.txt')) == (
        ('b',), ('b',), ('c',))


def test_an_id_without_image_is_an_error_that_counts_and_names_them(root):
    (root / 'test.txt').write_text('a\n' + ''.join(f'x{n}\n' for n in range(7)))
    with pytest.raises(DataError, match=r'test.txt\) has 7 of 8 ids without an image: x0, x1, x2, x3, x4, \.\.\.'):
        detect(root).ids('test')


def test_an_id_without_mask_is_an_error_only_where_masks_are_required(root):
    (root / 'test.txt').write_text('a\nb\n')
    (root / 'masks/b.png').unlink()
    found = detect(root)
    assert found.ids('test') == ('a', 'b')
    with pytest.raises(DataError, match='has 1 of 2 ids without a mask: b. 2 masks were found, such as .*a.png'):
        found.ids('test', require_masks=True)


def test_no_masks_at_all_are_said_so(tmp_path):
    Image.fromarray(np.zeros((1, 1), dtype=np.uint8)).save(tmp_path / 'a.png')
    with pytest.raises(DataError, match='has 1 of 1 ids without a mask: a. no masks were found at all'):
        detect(tmp_path).ids('all', require_masks=True)


def test_what_two_splits_share_is_found(root):
    (root / 'trainval.txt').write_text('a\nb\n')
    (root / 'test.txt').write_text('c\nb\n')
    assert detect(root).overlap('trainval', 'test') == ('b',)


def test_a_line_that_is_an_id_stays_one_whatever_it_ends_in(tmp_path):
    for folder in ('images/images', 'masks/images'):
        (tmp_path / folder).mkdir(parents=True)
        for name in ('f0.jpg.png', 'f1.png'):
            Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / folder.partition('/')[0] / name)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / folder / 'f2.png')
    (tmp_path / 'trainval.txt').write_text('f0.jpg\nf1.png\nimages/f2\n')
    assert detect(tmp_path).ids('trainval', require_masks=True) == ('f0.jpg', 'f1', 'images/f2')


@pytest.mark.parametrize('place', ['Train.txt', 'SPLITS/train.TXT'])
def test_lists_are_found_whatever_their_case(tmp_path, place):
    for folder in ('Images', 'Masks'):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / folder / 'f0.png')
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text('f0\n')
    assert detect(tmp_path).ids('train') == ('f0',)
