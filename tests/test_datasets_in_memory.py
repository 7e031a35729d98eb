"""A data set kept in memory gives what it gives from files, and reads them once."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from irstd_toolbox.datasets.dataset import IRSTDDataset
from irstd_toolbox.datasets.resident import turn
from irstd_toolbox.datasets.transforms import apply_op
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.registry import TRANSFORMS
from irstd_toolbox.text_priors.sentence import OPS
from irstd_toolbox.training.determinism import SeededSamples

LOADING = [dict(type='LoadImage'), dict(type='LoadClipImage', size=8), dict(type='LoadTargetMask'),
           dict(type='Resize', size=(24, 20))]
TRAINING = [*LOADING, dict(type='RandomFlip', horizontal=0.5, vertical=0.5), dict(type='RandomRotate90'),
            dict(type='RandomIntensity', prob=1.0), dict(type='PackInputs')]
TURNING = [step for step in TRAINING if step['type'] != 'RandomIntensity']
TESTING = [*LOADING[:2], LOADING[3], LOADING[2], dict(type='PackInputs')]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base class collects garbage twice a data set, which takes longer than all the rest."""
    monkeypatch.setattr('mmengine.dataset.base_dataset.gc', SimpleNamespace(collect=int))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four scenes of noise with a target and a sentence each."""
    rng = np.random.default_rng(0)
    for folder in ('images', 'masks', 'descriptions'):
        (tmp_path / folder).mkdir()
    for number in range(4):
        mask = np.zeros((30, 40), np.uint8)
        mask[3 + number:6 + number, 5:9] = 255
        cv2.imwrite(str(tmp_path / 'images' / f'{number}.png'), rng.integers(0, 256, (30, 40), np.uint8))
        cv2.imwrite(str(tmp_path / 'masks' / f'{number}.png'), mask)
        (tmp_path / 'descriptions' / f'{number}.description.txt').write_text('The target is on the top left.\n')
    (tmp_path / 'trainval.txt').write_text('0\n1\n2\n3\n')
    (tmp_path / 'test.txt').write_text('3\n')
    return tmp_path


def _equal(first: dict, second: dict) -> bool:
    ours, theirs = first['data_samples'], second['data_samples']
    return (torch.equal(first['inputs'].cpu(), second['inputs']) and ours.metainfo == theirs.metainfo
            and torch.equal(ours.gt_sem_seg.data.cpu(), theirs.gt_sem_seg.data)
            and torch.equal(ours.clip_image, theirs.clip_image))


@pytest.mark.parametrize(('pipeline', 'place'), [
    (TRAINING, True), (TESTING, True), (TURNING, 'cpu'), (TESTING, 'cpu'),
    pytest.param(TURNING, 'cuda', marks=pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU'))])
def test_samples_are_those_from_files_even_after_one_was_written_into(
        root: Path, pipeline: list[dict], place: bool | str) -> None:
    kept, fresh = (SeededSamples(IRSTDDataset(str(root), pipeline=pipeline, in_memory=in_memory), seed=1)
                   for in_memory in (place, False))
    descriptions, shapes = set(), set()
    for epoch in range(4):
        kept.epoch.fill_(epoch)
        fresh.epoch.fill_(epoch)
        for index in range(4):
            sample, expected = kept(index), fresh(index)
            assert _equal(sample, expected)
            assert sample['inputs'].device.type == ('cpu' if place is True else place)
            descriptions.add(sample['data_samples'].metainfo['description'])
            shapes.add(tuple(sample['inputs'].shape))
            for tensor in (sample['inputs'], sample['data_samples'].gt_sem_seg.data, sample['data_samples'].clip_image):
                tensor.zero_()
    assert (len(descriptions) > 1) == (len(shapes) > 1) == (pipeline is not TESTING)


def test_files_are_read_at_the_start_and_not_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged = []
    monkeypatch.setattr('irstd_toolbox.datasets.dataset.print_log', lambda text, **_: logged.append(text))
    dataset = IRSTDDataset(str(root), pipeline=TESTING, in_memory=True)
    # An image is 24 x 20 floats, a mask 30 x 40 bytes, the scene 8 x 8 bytes.
    assert f'4 samples are kept in memory as they are after LoadTargetMask, {4 * 3184 / 2**20:.1f} MiB' in logged[-1]
    for path in (*(root / 'images').iterdir(), *(root / 'masks').iterdir()):
        path.unlink()
    assert [dataset[index]['inputs'].shape for index in range(4)] == [(1, 24, 20)] * 4


def test_a_subset_takes_its_own_samples(root: Path) -> None:
    dataset = IRSTDDataset(str(root), pipeline=LOADING, in_memory=True)
    whole = [dataset[index] for index in range(4)]
    dataset.get_subset_([2, 0])
    assert [dataset[index]['sample_idx'] for index in range(len(dataset))] == [0, 1]
    assert all(np.array_equal(dataset[index]['img'], whole[place]['img']) for index, place in enumerate((2, 0)))


def test_a_file_that_cannot_be_read_is_named_at_the_start(root: Path) -> None:
    (root / 'images' / '2.png').write_bytes(b'nothing')
    IRSTDDataset(str(root), pipeline=TESTING)
    with pytest.raises(DataError, match=r'2\.png'):
        IRSTDDataset(str(root), pipeline=TESTING, in_memory=True)


@pytest.mark.parametrize(('pipeline', 'first'), [([], 'no step at all'), (TRAINING[4:], 'RandomFlip')])
def test_a_pipeline_that_leaves_nothing_to_keep_is_refused(root: Path, pipeline: list[dict], first: str) -> None:
    with pytest.raises(ConfigError, match=f'begins with {first}. Begin it with LoadImage'):
        IRSTDDataset(str(root), pipeline=pipeline, in_memory=True)


@pytest.mark.parametrize(('pipeline', 'place', 'message'), [
    (TRAINING, 'cpu', "in_memory='cpu' mirrors and turns .* the pipeline has RandomIntensity"),
    (TURNING[:-1], 'cpu', 'the pipeline has no PackInputs at its end'),
    (LOADING, 'cpu', 'the pipeline has no PackInputs at its end'),
    (TURNING, 'gpu', r"in_memory='gpu': .* Expected False, True, or a device that torch has here")])
def test_what_a_device_cannot_keep_or_turn_is_refused(root: Path, pipeline: list[dict], place: str,
                                                      message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        IRSTDDataset(str(root), pipeline=pipeline, in_memory=place)


@pytest.mark.parametrize('op', OPS)
def test_a_tensor_is_turned_as_an_array_is(op: str) -> None:
    array = np.arange(12.).reshape(3, 4)
    assert np.array_equal(turn(torch.from_numpy(array), op).numpy(), apply_op(dict(img=array), op)['img'])


def test_steps_that_say_they_are_rigid_change_a_sample_as_an_operation_does(root: Path) -> None:
    rigid = {name: step for name, step in TRANSFORMS.module_dict.items() if getattr(step, 'rigid', False)}
    assert set(rigid) == {'RandomFlip', 'RandomRotate90'}
    for build in rigid.values():
        step, array = build(), np.arange(12.).reshape(3, 4)
        for _ in range(20):
            made = step(dict(img=array))['img']
            assert any(np.array_equal(made, apply_op(dict(img=array), op)['img']) for op in OPS)


def test_a_sample_that_a_later_step_rejects_is_none(root: Path) -> None:
    pipeline = [*LOADING, lambda results: None, dict(type='PackInputs')]
    dataset = IRSTDDataset(str(root), pipeline=pipeline, in_memory=True)
    assert dataset.prepare_data(0) is None


def test_transforms_that_say_so_draw_no_random_numbers_and_random_ones_do_not_say_so(root: Path) -> None:
    own = {name: step for name, step in TRANSFORMS.module_dict.items() if step.__module__.startswith('irstd_toolbox.')}
    assert {name for name, step in own.items() if getattr(step, 'fixed', False)} == {step['type'] for step in LOADING}
    assert {name for name in own if name.startswith('Random')} > {'RandomFlip', 'RandomCrop'}
    dataset = IRSTDDataset(str(root), pipeline=LOADING)
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    dataset[0]
    assert np.array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])
