"""A small data set, a small network, and slots on this machine's CPU."""

import multiprocessing
import zipfile
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from irstd_toolbox.slots.gathering import Gatherer, Limits
from irstd_toolbox.slots.plan import Run

ROOT = Path(__file__).resolve().parents[2]

CONFIG = '''
default_scope = 'irstd_toolbox'
env_cfg = dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
randomness = dict(seed=3)
model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=100.0, std=50.0, channels=1),
    backbone=dict(type='RSUEncoder', in_channels=1, stages=((3, 4, 8), (3, 4, 8))),
    neck=dict(type='RSUDecoder', in_channels=(8, 8), stages=((3, 4, 8), (3, 4, 8), ('2F', 4, 8))),
    decode_head=dict(type='GatedOutputHead', in_channels=(8, 8, 8), shallow=1, prior=None),
    loss=dict(type='BCELoss'))
training = [
    dict(type='LoadImage'), dict(type='LoadTargetMask'), dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='RandomIntensity', noise=(0.0, 4.0)), dict(type='PackInputs')]
testing = [dict(type='LoadImage'), dict(type='LoadTargetMask'), dict(type='PackInputs')]
data = dict(type='IRSTDDataset', data_root='{{$IRSTD_DATA_ROOT:data}}/tiny', split='trainval', holdout=0.25)
train_dataloader = dict(
    batch_size=3, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    worker_init_fn=dict(type='irstd_worker_init'), dataset=dict(data, part='fit', pipeline=training))
val_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(data, part='holdout', pipeline=testing))
test_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(data, split='test', holdout=0.0, pipeline=testing))
val_evaluator = dict(type='IRSTDMetric')
test_evaluator = dict(type='IRSTDMetric')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=4, val_interval=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adan', lr=0.01))
param_scheduler = [dict(type='LinearLR', start_factor=0.1, end=4, convert_to_iter_based=True)]
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=4, max_keep_ckpts=1, save_best='irstd/IoU', rule='greater'))
custom_hooks = [
    dict(type='EpochSeedHook'), dict(type='CSVLoggerHook'), dict(type='ProgressHook'), dict(type='StampHook')]
visualizer = dict(type='IRSTDVisualizer', vis_backends=[dict(type='LocalVisBackend')])
'''

PAUSE = '''
"""A hook that waits for a file, so that a test can interrupt a training."""

import time
from functools import partialmethod
from pathlib import Path

from mmengine.hooks import Hook

from irstd_toolbox.registry import HOOKS
from irstd_toolbox.training.deadline_hook import DeadlineHook

DeadlineHook.__init__ = partialmethod(DeadlineHook.__init__, apart=0.0)  # every epoch is checkpointed


@HOOKS.register_module()
class PauseHook(Hook):
    def __init__(self, epoch: int, go: str) -> None:
        self.epoch, self.go = epoch, Path(go)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        while runner.epoch == self.epoch and not batch_idx and not self.go.exists():
            time.sleep(0.02)
'''
TICK = '''
"""Where TICKING is set, a clock on which every look takes a second: a training's minutes are a number of steps."""

import itertools
import os
import time
from functools import partialmethod

from irstd_toolbox.training.deadline_hook import DeadlineHook

if 'TICKING' in os.environ:
    clock = itertools.count(int(time.time())).__next__
    DeadlineHook.__init__ = partialmethod(DeadlineHook.__init__, clock=clock)
'''
PAUSED = '''
custom_imports = dict(imports=['pausing'])
custom_hooks.append(dict(type='PauseHook', epoch=2, go='{go}'))
'''


def write_data(root: Path, shape: tuple[int, int] = (20, 24)) -> Path:
    """Thirteen scenes with a target each, as ISNet's and MSHNet's layout has them."""
    rng = np.random.default_rng(0)
    (root / 'images').mkdir(parents=True)
    (root / 'masks').mkdir()
    for number in range(13):
        image, mask = rng.integers(60, 100, shape).astype(np.uint8), np.zeros(shape, np.uint8)
        row, column = rng.integers(2, 16, 2)
        mask[row:row + 2, column:column + 3] = 255
        image[mask > 0] = 230
        cv2.imwrite(str(root / 'images' / f'scene_{number}.png'), cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
        cv2.imwrite(str(root / 'masks' / f'scene_{number}.png'), mask)
    (root / 'trainval.txt').write_text(''.join(f'scene_{i}\n' for i in range(8)))
    (root / 'test.txt').write_text(''.join(f'scene_{i}\n' for i in range(8, 13)))
    return root


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A data set's folder, ``data/tiny``."""
    return write_data(tmp_path / 'data' / 'tiny')


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source folder: the toolbox's packages by link, ``configs/tiny.py`` and the hook that pauses."""
    folder = tmp_path / 'source'
    (folder / 'configs').mkdir(parents=True)
    for name in ('irstd_toolbox', 'tools'):
        (folder / name).symlink_to(ROOT / name)
    (folder / 'configs' / 'tiny.py').write_text(CONFIG)
    (folder / 'pausing.py').write_text(PAUSE)
    return folder


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A folder with one wheel, ``slot_marker``."""
    folder = tmp_path / 'wheels'
    folder.mkdir()
    with zipfile.ZipFile(folder / 'slot_marker-1.0-py3-none-any.whl', 'w') as file:
        about = 'slot_marker-1.0.dist-info'
        file.writestr('slot_marker.py', 'HERE = True\n')
        file.writestr(f'{about}/METADATA', 'Metadata-Version: 2.1\nName: slot-marker\nVersion: 1.0\n')
        file.writestr(f'{about}/WHEEL', 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n'
                                        'Tag: py3-none-any\n')
        file.writestr(f'{about}/RECORD', '')
    return folder


@pytest.fixture
def paused(source: Path, tmp_path: Path) -> Path:
    """Makes trainings wait in the third epoch of the tiny config until the file exists that this is the path of."""
    config = source / 'configs' / 'tiny.py'
    config.write_text(config.read_text() + PAUSED.format(go=tmp_path / 'go'))
    return tmp_path / 'go'


@pytest.fixture
def ticking(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has trainings of the tiny config go by a clock that their steps move."""
    config = source / 'configs' / 'tiny.py'
    config.write_text(config.read_text() + "custom_imports = dict(imports=['ticking'])\n")
    (source / 'ticking.py').write_text(TICK)
    monkeypatch.setenv('TICKING', '1')


@pytest.fixture
def train(load_tool: Callable, source: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., BaseProcess]:
    """``train(work_dir, *arguments)`` starts tools/train.py on the tiny config, in a copy of this process."""
    tool = load_tool('train')
    monkeypatch.setenv('IRSTD_DATA_ROOT', str(tiny.parent))
    monkeypatch.syspath_prepend(str(source))

    def begin(work_dir: Path, *arguments: str) -> BaseProcess:
        command = [str(source / 'configs' / 'tiny.py'), '--work-dir', str(work_dir), *arguments]
        process = multiprocessing.get_context('fork').Process(target=tool.main, args=(command,))
        process.start()
        return process
    return begin


def _write_run(home: Path, name: str = 'one', epoch: int = 2, best: bool = False, trained: bool = False,
               size: int = 300) -> Path:
    folder = home / 'runs' / name
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(epoch)
    weight, moment, square = torch.randn(3, size, 100)
    content = dict(state_dict=dict(weight=weight), meta=dict(epoch=epoch, iter=epoch), message_hub={},
                   param_schedulers=[], optimizer=dict(state={0: dict(moment=moment, square=square)},
                                                       param_groups=[dict(params=[0], lr=0.1)]))
    for file in (f'epoch_{epoch}.pth', *([f'best_irstd_IoU_epoch_{epoch}.pth'] if best else [])):
        torch.save(content, folder / file)
    (folder / 'train.csv').write_text('iter\n1\n')
    if trained:
        (folder / 'trained').touch()
    return folder


@pytest.fixture
def write_run() -> Callable[..., Path]:
    """``write_run(home)`` writes the folder of a training with a checkpoint, as far as a slot looks at it."""
    return _write_run


@pytest.fixture
def gather() -> Callable[..., Gatherer]:
    """``gather(folder, limits)`` gathers the run of ``folder / 'home'``, ``one``, into ``folder / 'out'``."""
    def make(folder: Path, limits: Limits, epoch: int = 2, slot: str | None = None, **note: str) -> Gatherer:
        if not (folder / 'home').is_dir():
            _write_run(folder / 'home', epoch=epoch)
        gatherer = Gatherer([Run('one', 'c', 9)], folder / 'home', folder / 'out', limits,
                            dict(slot=slot or f's{epoch}'))
        gatherer.gather({'one': dict(dict(status='training', epoch=epoch, epochs=9), **note)})
        return gatherer
    return make
