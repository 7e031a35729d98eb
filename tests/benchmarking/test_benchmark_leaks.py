"""Images of a test list that a training list holds: hand-made lists, and the classic pair of NUAA-SIRST's lists."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from irstd_toolbox.benchmarking import worker
from irstd_toolbox.benchmarking.leaks import find_leaks, leaked_ids, lists_of
from irstd_toolbox.benchmarking.rescoring import rescore
from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.diagnosis.duplicates import fingerprint


def of(root: Path, split: str) -> dict:
    return dict(data_root=str(root), name=None, layout='auto', split=split)


def scene(seed: int) -> np.ndarray:
    """A smooth image, of which a thumbnail keeps the most."""
    coarse = np.random.default_rng(seed).integers(0, 200, (5, 6)).astype(np.float32)
    return cv2.resize(coarse, (96, 80), interpolation=cv2.INTER_CUBIC).clip(0, 255).round()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten images; x9 has the pixels of x0, x8 is x1 with one grey level of noise."""
    pictures = {f'x{number}': scene(number) for number in range(8)}
    pictures['x8'] = pictures['x1'] + np.random.default_rng(0).integers(0, 2, pictures['x1'].shape)
    pictures['x9'] = pictures['x0']
    for folder in ('images', 'masks'):
        (tmp_path / 'own' / folder).mkdir(parents=True)
    for name, picture in pictures.items():
        cv2.imwrite(str(tmp_path / 'own' / 'images' / f'{name}.png'), picture.astype(np.uint8))
        cv2.imwrite(str(tmp_path / 'own' / 'masks' / f'{name}.png'), np.zeros(picture.shape, np.uint8))
    for name, ids in dict(trainval='x0 x1 x2 x3', test='x3 x4 x8 x9', other='x5 x6').items():
        (tmp_path / 'own' / f'{name}.txt').write_text('\n'.join(ids.split()) + '\n')
    return tmp_path / 'own'


def test_a_list_leaks_by_id_by_equal_and_by_nearly_equal_images(root):
    found = find_leaks([of(root, 'trainval')], of(root, 'test'))
    assert found == dict(images=4, trained_images=4, leaked=['x3', 'x8', 'x9'], by_id=1, equal=2, near=1)


def test_lists_without_a_common_image_do_not_leak(root):
    assert find_leaks([of(root, 'other.txt')], of(root, 'test'))['leaked'] == []


@pytest.mark.parametrize(('indices', 'images', 'leaked'), [
    (2, 2, ['x3']), ([1, 3], 2, ['x9']), (9, 4, ['x3', 'x8', 'x9'])])
def test_of_a_shortened_list_what_is_tested_counts(root, indices, images, leaked):
    found = find_leaks([of(root, 'trainval')], dict(of(root, 'test'), indices=indices))
    assert (found['images'], found['leaked']) == (images, leaked)


def test_all_lists_that_are_trained_or_chosen_on_count(root):
    (root.parent / 'link').symlink_to(root)
    lists = [of(root, 'other.txt'), of(root.parent / 'link', 'trainval')]  # another way to the same images
    for trained in (lists, lists[::-1]):
        assert find_leaks(trained, of(root, 'test')) == dict(
            images=4, trained_images=6, leaked=['x3', 'x8', 'x9'], by_id=1, equal=2, near=1)


def test_ids_of_another_data_set_are_not_compared(roots, tmp_path):
    other = roots['B'].rename(tmp_path / 'C')
    for folder in ('images', 'masks'):
        for path in (other / folder).iterdir():
            path.rename(path.with_name(path.name.replace('b', 'a')))
    for name in ('trainval', 'test'):
        (other / f'{name}.txt').write_text((other / f'{name}.txt').read_text().replace('b', 'a'))
    found = find_leaks([of(roots['A'], 'trainval')], of(other, 'test'))
    assert found['leaked'] == ['a3'] and found['by_id'] == 0 and found['equal'] == 1


def test_a_part_held_out_belongs_to_the_list_it_is_carved_from():
    fit = dict(data_root='d', split='trainval', holdout=0.1, part='fit')
    assert lists_of([fit, dict(fit, part='holdout')]) == [of(Path('d'), 'trainval')]


def test_the_images_found_are_those_of_the_tested_side():
    tested = {'t0': fingerprint(scene(0)), 't1': fingerprint(scene(1))}
    trained = {'s5': fingerprint(scene(5)), 's1': fingerprint(scene(1)), 's0': fingerprint(scene(0) + 1)}
    assert leaked_ids(tested, trained) == ({'t1'}, {'t0'})


def test_the_worker_writes_what_was_found(root, tmp_path):
    (tmp_path / 'task.json').write_text(json.dumps(dict(
        step='leaks', trained=[of(root, 'trainval')], tested=of(root, 'test'))))
    worker.main([str(tmp_path / 'task.json'), str(tmp_path / 'result.json')])
    assert json.loads((tmp_path / 'result.json').read_text())['leaked'] == ['x3', 'x8', 'x9']


def test_scored_without_leaks_nothing_is_left_of_the_whole_list(root, tmp_path):
    (tmp_path / 'test' / 'predictions').mkdir(parents=True)
    for name in ('x3', 'x4', 'x8', 'x9'):
        cv2.imwrite(str(tmp_path / 'test' / 'predictions' / f'{name}.png'), np.zeros((80, 96), np.uint8))
    (tmp_path / 'test' / 'results.json').write_text(json.dumps(dict(
        fingerprint=dict(dataset='own', split='test', images=4), checkpoint='a.pth', model='M', threshold=0.4,
        metrics={'other/hits': 4}, descriptions=dict(images=4), extras=dict(hIoU=1), amp='bf16')))
    part = dict(of(root, 'test'), indices=[3, 0])
    assert rescore(tmp_path / 'test', part, ('x3', 'x8'), ['canonical'], tmp_path / 'part') == dict(images=1)
    assert [path.stem for path in (tmp_path / 'part' / 'predictions').iterdir()] == ['x9']
    kept = []
    for without in ((), ('x3', 'x8')):
        assert rescore(tmp_path / 'test', of(root, 'test'), without, ['canonical'], tmp_path / 'out') == dict(
            images=4 - len(without))
        kept.append(json.loads((tmp_path / 'out' / 'results.json').read_text()))
    assert kept[0]['metrics'] == {'other/hits': 4} and 'list' not in kept[0]
    assert not {'metrics', 'descriptions', 'extras'} & set(kept[1]) and kept[1]['list'] == 'without leakage'
    assert [kept[1][key] for key in ('checkpoint', 'model', 'threshold', 'amp')] == ['a.pth', 'M', 0.4, 'bf16']
    assert [kept[1]['fingerprint'][key] for key in ('dataset', 'split', 'images')] == ['own', 'test', 2]


def test_43_of_the_86_test_images_of_idx_427_are_trained_on_by_idx_320(real_data):
    layout = detect(real_data('NUAA-SIRST'))
    assert len(set(layout.ids('idx_320/trainval')) & set(layout.ids('test'))) == 43 and len(layout.ids('test')) == 86
