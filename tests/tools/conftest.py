"""Twelve tiny images with a target each, a network of two stages, and the tools as functions."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from irstd_toolbox.training.checkpoint import read_checkpoint

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
testing = [
    dict(type='LoadImage'), dict(type='Resize', size=(16, 16)), dict(type='LoadTargetMask'), dict(type='PackInputs')]
data = dict(type='IRSTDDataset', data_root='{root}', split='trainval', holdout=0.25)
train_dataloader = dict(
    batch_size=3, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    worker_init_fn=dict(type='irstd_worker_init'), dataset=dict(data, part='fit', pipeline=training))
val_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(data, part='holdout', pipeline=testing))
test_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='IRSTDDataset', data_root='{root}', split='test', pipeline=testing))
val_evaluator = dict(type='IRSTDMetric')
test_evaluator = dict(type='IRSTDMetric')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adan', lr=0.01, weight_decay=1e-4), clip_grad=dict(max_norm=5.0))
param_scheduler = [dict(type='LinearLR', start_factor=0.1, end=2, convert_to_iter_based=True)]
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='irstd/IoU', rule='greater'))
custom_hooks = [
    dict(type='EpochSeedHook'), dict(type='EMAHook', momentum=0.1), dict(type='NaNGuardHook'),
    dict(type='CollapseGuardHook'), dict(type='CSVLoggerHook'), dict(type='ProgressHook'), dict(type='StampHook')]
visualizer = dict(type='IRSTDVisualizer', vis_backends=[dict(type='LocalVisBackend')])
'''


def _write_data(root: Path) -> None:
    rng = np.random.default_rng(0)
    (root / 'images').mkdir(parents=True)
    (root / 'masks').mkdir()
    for number in range(13):
        image, mask = rng.integers(60, 100, (20, 24)).astype(np.uint8), np.zeros((20, 24), np.uint8)
        row, column = rng.integers(2, 16, 2)
        mask[row:row + 2, column:column + 3] = 255
        image[mask > 0] = 230
        cv2.imwrite(str(root / 'images' / f'scene_{number}.png'), image)
        cv2.imwrite(str(root / 'masks' / f'scene_{number}.png'), mask)
    (root / 'trainval.txt').write_text(''.join(f'scene_{i}\n' for i in range(8)))
    (root / 'test.txt').write_text(''.join(f'scene_{i}\n' for i in range(8, 13)))


def _make(folder: Path) -> Path:
    _write_data(folder / 'data')
    config = folder / 'tiny.py'
    config.write_text(CONFIG.replace('{root}', str(folder / 'data')))
    return config


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The path of a config beside its data: 8 images to train on, of which 2 are held out, and 5 to test on."""
    return _make(tmp_path)


@pytest.fixture(scope='session')
def trained(tmp_path_factory: pytest.TempPathFactory, load_tool: Callable[[str], ModuleType]) -> Path:
    """The work folder of a finished training; its config lies beside it as ``tiny.py``. Read only."""
    folder = tmp_path_factory.mktemp('trained')
    load_tool('train').main([str(_make(folder)), '--work-dir', str(folder / 'run')])
    return folder / 'run'


@pytest.fixture(scope='session')
def lively(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that predicts targets here and there, so that no figure is trivial."""
    content = read_checkpoint(trained / 'best.pth')
    generator = torch.Generator().manual_seed(4)  # a head whose best threshold is not 0.5
    for name, value in content['state_dict'].items():
        if 'decode_head' in name and value.is_floating_point() and value.ndim == 4:
            content['state_dict'][name] = torch.randn(value.shape, generator=generator)
    path = tmp_path_factory.mktemp('lively') / 'lively.pth'
    torch.save(content, path)
    return path
