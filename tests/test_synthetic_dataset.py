"""The folder that `write_dataset` and `tools/synthesize.py` make."""

import hashlib
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from irstd_toolbox.datasets.synthetic import CLUTTER, SceneOptions, make_scene, write_dataset
from irstd_toolbox.errors import ConfigError, DataError

OPTIONS = SceneOptions(size=(64, 80), targets=(1, 2))
COUNTS = {'train': 4, 'test': 2}


def digests(root):
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob('*')) if path.is_file()}


@pytest.fixture
def folder(tmp_path):
    write_dataset(tmp_path / 'set', COUNTS, seed=1, options=OPTIONS)
    return tmp_path / 'set'


def test_the_folder_holds_images_masks_and_lists_of_the_same_ids(folder):
    ids = {split: (folder / split).read_text().split() for split in ('trainval.txt', 'test.txt')}
    assert ids == {'trainval.txt': [f'train_{i:05d}' for i in range(4)], 'test.txt': ['test_00000', 'test_00001']}
    for kind in ('images', 'masks'):
        assert sorted(p.stem for p in (folder / kind).iterdir()) == sorted(sum(ids.values(), []))


def test_the_files_are_the_scenes(folder):
    scene = make_scene(1, (1, 1), OPTIONS)
    image, mask = (cv2.imread(str(folder / kind / 'test_00001.png'), cv2.IMREAD_UNCHANGED)
                   for kind in ('images', 'masks'))
    np.testing.assert_array_equal(image, scene.image)
    np.testing.assert_array_equal(mask, np.where(scene.mask, 255, 0))
    assert image.dtype == mask.dtype == np.uint8


def test_sixteen_bit_images_are_sixteen_bit_files(tmp_path):
    options = SceneOptions(size=(64, 64), targets=(1, 1), bits=16)
    write_dataset(tmp_path / 'set', {'train': 1}, options=options)
    image = cv2.imread(str(tmp_path / 'set/images/train_00000.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(image, make_scene(0, (0, 0), options).image)
    assert not (tmp_path / 'set/test.txt').exists()


def test_the_metadata_tells_how_every_image_was_made(folder):
    metadata = json.loads((folder / 'metadata.json').read_text())
    assert (metadata['complete'], metadata['seed'], metadata['counts']) == (True, 1, COUNTS)
    assert metadata['options']['size'] == [64, 80]
    assert metadata['images']['train_00002'] == {'split': 'train', **make_scene(1, (0, 2), OPTIONS).record()}
    target = metadata['images']['train_00002']['targets'][0]
    assert set(target) == {'kind', 'x', 'y', 'area', 'sigma', 'asked_snr', 'snr', 'contrast'}


def test_an_image_does_not_depend_on_how_many_are_asked(folder, tmp_path):
    write_dataset(tmp_path / 'more', {'train': 6, 'test': 3}, seed=1, options=OPTIONS)
    fewer, more = digests(folder), digests(tmp_path / 'more')
    for name in fewer:
        if name.endswith('.png'):
            assert fewer[name] == more[name]


def test_a_run_that_broke_off_is_seen_and_completed_to_the_same_bytes(folder, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done == 3:
            raise Stop('at 3')

    with pytest.raises(Stop, match='at 3'):
        write_dataset(tmp_path / 'broken', COUNTS, 1, OPTIONS, stop)
    assert json.loads((tmp_path / 'broken/metadata.json').read_text())['complete'] is False
    assert not (tmp_path / 'broken/trainval.txt').exists()
    write_dataset(tmp_path / 'broken', COUNTS, 1, OPTIONS)
    assert digests(tmp_path / 'broken') == digests(folder)


def test_a_complete_folder_is_left_as_it_is(folder):
    calls = []
    assert write_dataset(folder, COUNTS, 1, OPTIONS, lambda *done: calls.append(done))['complete']
    assert calls == []


def test_a_file_that_went_missing_is_written_again(folder):
    before = digests(folder)
    (folder / 'masks/train_00001.png').unlink()
    write_dataset(folder, COUNTS, 1, OPTIONS)
    assert digests(folder) == before


def test_a_run_that_broke_off_just_before_the_metadata_is_completed(folder):
    before = digests(folder)
    metadata = json.loads((folder / 'metadata.json').read_text())
    del metadata['images']
    (folder / 'metadata.json').write_text(json.dumps({**metadata, 'complete': False}))
    assert len(write_dataset(folder, COUNTS, 1, OPTIONS)['images']) == 6
    assert digests(folder) == before


def test_progress_counts_every_image(tmp_path):
    calls = []
    write_dataset(tmp_path / 'set', {'test': 2}, 1, OPTIONS, lambda *done: calls.append(done))
    assert calls == [(1, 2), (2, 2)]


def test_a_foreign_folder_is_refused_untouched(tmp_path):
    (tmp_path / 'thesis.txt').write_text('mine')
    with pytest.raises(DataError, match='is not empty and holds no metadata.json of a synthetic data set'):
        write_dataset(tmp_path, COUNTS, 1, OPTIONS)
    assert [p.name for p in tmp_path.iterdir()] == ['thesis.txt']


def test_metadata_of_something_else_is_refused(tmp_path):
    (tmp_path / 'metadata.json').write_text('[1, 2]')
    with pytest.raises(DataError, match='holds no metadata.json of a synthetic data set'):
        write_dataset(tmp_path, COUNTS, 1, OPTIONS)


@pytest.mark.parametrize('field', ['options', 'counts'])
def test_metadata_with_a_list_in_the_place_of_an_object_is_refused(folder, field):
    metadata = json.loads((folder / 'metadata.json').read_text())
    (folder / 'metadata.json').write_text(json.dumps({**metadata, field: [64, 80]}))
    with pytest.raises(DataError, match=rf'metadata.json: {field} is \[64, 80\]; an object is expected'):
        write_dataset(folder, COUNTS, 1, OPTIONS)


@pytest.mark.parametrize(('change', 'named'), [
    ({'seed': 2}, r'\(seed\)'),
    ({'counts': {'train': 3, 'test': 2}}, r'\(counts.train\)'),
    ({'options': SceneOptions(size=(64, 80), targets=(1, 2), snr=(5.0, 9.0))}, r'\(options.snr\)')])
def test_a_folder_made_with_other_settings_is_refused(folder, change, named):
    before = digests(folder)
    with pytest.raises(DataError, match=f'made with other settings {named}'):
        write_dataset(folder, **{'counts': COUNTS, 'seed': 1, 'options': OPTIONS, **change})
    assert digests(folder) == before


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / 'set').write_text('')
    with pytest.raises(DataError, match='is a file; expected a folder'):
        write_dataset(tmp_path / 'set', COUNTS)


@pytest.mark.parametrize(('counts', 'seed', 'message'), [
    ({'train': -1, 'test': 2}, 0, 'expected 0 to 99999 images a split'),
    ({}, 0, 'at least one image'),
    ({'validation': 3}, 0, "Unknown split 'validation'; expected train and test"),
    ({'train': 1}, -1, 'seed is -1; expected a whole number from 0')])
def test_counts_and_seed_out_of_range_are_refused(tmp_path, counts, seed, message):
    with pytest.raises(ConfigError, match=message):
        write_dataset(tmp_path / 'set', counts, seed, OPTIONS)
    assert not (tmp_path / 'set').exists()


@pytest.fixture(scope='module')
def tool(repository):
    def call(*arguments):
        command = [sys.executable, str(repository / 'tools/synthesize.py'), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)
    return call


def test_the_tool_writes_what_the_function_writes(tool, folder, tmp_path):
    done = tool(tmp_path / 'cli', '--train', 4, '--test', 2, '--size', 64, 80, '--seed', 1, '--targets', 1, 2)
    assert done.returncode == 0, done.stderr
    assert '4 training and 2 test images' in done.stdout
    assert digests(tmp_path / 'cli') == digests(folder)


def test_the_tool_explains_a_foreign_folder_in_one_paragraph(tool, tmp_path):
    (tmp_path / 'thesis.txt').write_text('mine')
    done = tool(tmp_path, '--train', 1)
    assert done.returncode == 2
    assert done.stderr.startswith('error: ') and 'is not empty' in done.stderr and 'Traceback' not in done.stderr


def test_the_tool_explains_a_link_to_nothing_in_one_paragraph(tool, tmp_path):
    (tmp_path / 'disk').symlink_to('/nowhere/disk')
    done = tool(tmp_path / 'disk/set', '--train', 1)
    assert done.returncode == 2
    assert done.stderr.startswith('error: ') and 'is a link to /nowhere/disk, which is not there' in done.stderr


def test_the_help_of_the_tool_names_every_kind_of_clutter(tool):
    done = tool('--help')
    assert done.returncode == 0
    assert ', '.join(sorted(CLUTTER)) in ' '.join(done.stdout.split())


def test_making_scenes_loads_no_torch():
    code = 'import sys, irstd_toolbox.datasets.synthetic; print("torch" in sys.modules, "mmengine" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ['False', 'False']
