"""A data set into the LangIR layout."""

import os

import cv2
import numpy as np
import pytest

from irstd_toolbox.errors import DataError
from irstd_toolbox.text_priors import langir, store

IDS = ['Misc_1', 'Misc_2', 'Misc_3']
RUN = {'provider': 'quadrant', 'uses_ground_truth': True}


@pytest.fixture
def pixels(tmp_path):
    """Id to image and id to mask, as the official NUAA-SIRST names them."""
    images, masks = {}, {}
    for number, image_id in enumerate(IDS):
        images[image_id] = tmp_path / 'in' / f'{image_id}.png'
        masks[image_id] = tmp_path / 'in' / f'{image_id}_pixels0.png'
        images[image_id].parent.mkdir(exist_ok=True)
        cv2.imwrite(str(images[image_id]), np.full((4, 4), number, np.uint8))
        cv2.imwrite(str(masks[image_id]), np.eye(4, dtype=np.uint8) * 255)
    return images, masks


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def export(pixels, source, root, **options):
    return langir.export_langir(*pixels, source, {'trainval': IDS[:2], 'test': IDS[2:]}, root, **options)


@pytest.fixture
def described(tmp_path):
    place = tmp_path / 'texts'
    for image_id in IDS[:2]:
        store.write_description(place, image_id, 'On the left.')
    store.write_provenance(place, {'uses_ground_truth': True, 'leakage': False, 'runs': [RUN]})
    return place


def test_an_export_has_the_papers_layout(pixels, described, tmp_path):
    root = tmp_path / 'LangIR_SIRST'
    report = export(pixels, described, root)
    assert names(root) == ['descriptions', 'images', 'masks', 'test.txt', 'trainval.txt']
    assert names(root / 'images') == ['Misc_1.png', 'Misc_2.png', 'Misc_3.png']
    assert names(root / 'masks') == ['Misc_1-pixels0.png', 'Misc_2-pixels0.png', 'Misc_3-pixels0.png']
    assert names(root / 'descriptions') == ['Misc_1-description.txt', 'Misc_2-description.txt', 'provenance.json']
    assert (root / 'trainval.txt').read_text() == 'Misc_1\nMisc_2\n'
    assert (report.images, report.described, report.linked, report.splits) == (3, 2, 0, {'trainval': 2, 'test': 1})
    assert (root / 'images' / 'Misc_2.png').read_bytes() == pixels[0]['Misc_2'].read_bytes()


def test_an_export_is_read_back_as_langir(pixels, described, tmp_path):
    from irstd_toolbox.datasets.layouts import detect
    export(pixels, described, tmp_path / 'LangIR_SIRST')
    layout = detect(tmp_path / 'LangIR_SIRST')
    assert (layout.layout, layout.name) == ('L14', 'LangIR-SIRST')
    assert (list(layout.masks), list(layout.descriptions)) == (IDS, IDS[:2])
    assert (layout.ids('trainval'), layout.ids('test')) == (('Misc_1', 'Misc_2'), ('Misc_3',))


def test_other_ids_take_the_names_of_the_other_subset(tmp_path):
    assert langir.naming_of(['XDU1', 'Misc_1']) == langir.Naming('.description.txt', '')


def test_links_are_made_where_asked_and_copies_otherwise(pixels, described, tmp_path):
    assert export(pixels, described, tmp_path / 'a', link=True).linked == 6
    assert os.path.samefile(tmp_path / 'a' / 'images' / 'Misc_1.png', pixels[0]['Misc_1'])
    assert not os.path.samefile(tmp_path / 'a' / 'descriptions' / 'Misc_1-description.txt',
                                described / 'Misc_1.description.txt')


def test_a_link_to_an_image_is_followed(pixels, described, tmp_path):
    (tmp_path / 'in' / 'link.png').symlink_to('Misc_1.png')
    images = pixels[0] | {'Misc_1': tmp_path / 'in' / 'link.png'}
    report = export((images, pixels[1]), described, tmp_path / 'a', link=True)
    assert report.linked == 6 and os.path.samefile(tmp_path / 'a' / 'images' / 'Misc_1.png', pixels[0]['Misc_1'])


def test_a_disk_without_links_gets_copies(pixels, described, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError('cross-device link')
    monkeypatch.setattr(os, 'link', refuse)
    assert export(pixels, described, tmp_path / 'a', link=True).linked == 0
    assert (tmp_path / 'a' / 'masks' / 'Misc_3-pixels0.png').is_file()


def test_the_record_travels_with_the_export(pixels, described, tmp_path):
    export(pixels, described, tmp_path / 'a')
    record = store.read_provenance(tmp_path / 'a' / 'descriptions')
    assert record['runs'] == [RUN]
    assert (record['uses_ground_truth'], record['leakage'], record['exported']['descriptions']) == (True, False, 2)


def test_described_test_images_make_the_export_leakage(pixels, described, tmp_path):
    store.write_description(described, 'Misc_3', 'On the left.')
    assert export(pixels, described, tmp_path / 'a').leakage
    assert store.read_provenance(tmp_path / 'a' / 'descriptions')['leakage'] is True


def test_an_interrupted_export_leaves_no_data_set_and_the_next_one_succeeds(pixels, described, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr('shutil.copyfile', lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            export(pixels, described, tmp_path / 'a')
    assert not (tmp_path / 'a').exists()
    (tmp_path / '.a.partial' / 'images').mkdir(exist_ok=True)
    (tmp_path / '.a.partial' / 'images' / 'stale.png').write_bytes(b'')
    export(pixels, described, tmp_path / 'a')
    assert 'stale.png' not in names(tmp_path / 'a' / 'images')
    assert not (tmp_path / '.a.partial').exists()


@pytest.mark.parametrize(('splits', 'message'), [
    ({'trainval': IDS, 'test': IDS[2:]}, '1 ids are in trainval and in test, the first Misc_3'),
    ({'trainval': IDS, 'test': ['Misc_7']}, '1 of 4 ids have no image, the first Misc_7'),
    ({'trainval': IDS}, 'expected trainval and test'), ({'trainval': IDS, 'test': []}, 'neither empty')])
def test_wrong_lists_are_refused(pixels, described, tmp_path, splits, message):
    with pytest.raises(DataError, match=message):
        langir.export_langir(*pixels, described, splits, tmp_path / 'a')


@pytest.mark.parametrize(('files', 'message'), [
    (None, 'texts is not a folder. Expected a folder of descriptions'),
    (['provenance.json'], 'texts describes none of the 3 images. Expected text files.*such as Misc_1-description.txt'),
    (['Misc_9.txt'], 'texts describes none of the 3 images')])
def test_nothing_is_exported_without_descriptions(pixels, tmp_path, files, message):
    if files is not None:
        (tmp_path / 'texts').mkdir()
        for name in files:
            (tmp_path / 'texts' / name).write_text('{}')
    with pytest.raises(DataError, match=message):
        export(pixels, tmp_path / 'texts', tmp_path / 'a')
    assert not (tmp_path / 'a').exists() and not (tmp_path / '.a.partial').exists()


def test_an_existing_data_set_is_never_overwritten(pixels, described, tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'mine.txt').write_text('x')
    with pytest.raises(DataError, match='exists. Expected no such folder'):
        export(pixels, described, tmp_path / 'a')
    assert names(tmp_path / 'a') == ['mine.txt']


@pytest.mark.parametrize('root', ['.', '../here'])
def test_the_current_folder_is_refused(pixels, described, tmp_path, monkeypatch, root):
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    with pytest.raises(DataError, match=r'/here is the folder that this runs in.*Expected another one'):
        export(pixels, described, root)
    assert names(tmp_path / 'here') == [] and not list(tmp_path.glob('.*'))


@pytest.mark.parametrize('root', ['b', '../here/b', 'a/../b'])
def test_a_folder_named_from_the_current_one_is_made_there(pixels, described, tmp_path, monkeypatch, root):
    (tmp_path / 'here' / 'a').mkdir(parents=True)
    monkeypatch.chdir(tmp_path / 'here')
    export(pixels, described, root)
    assert (tmp_path / 'here' / 'b' / 'trainval.txt').is_file() and names(tmp_path / 'here') == ['a', 'b']
