"""NUAA-SIRST in mmengine's pure-Python style: what _base_/datasets/nuaa_sirst.py and the runtime say, with classes."""

import os

from mmengine.dataset import DefaultSampler
from mmengine.hooks import DistSamplerSeedHook, IterTimerHook, LoggerHook, ParamSchedulerHook
from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper
from mmengine.runner import EpochBasedTrainLoop, LogProcessor, TestLoop, ValLoop
from mmengine.visualization import LocalVisBackend, TensorboardVisBackend

from irstd_toolbox.datasets.dataset import IRSTDDataset
from irstd_toolbox.datasets.transforms import (
    LoadClipImage,
    LoadImage,
    LoadTargetMask,
    PackInputs,
    RandomFlip,
    Resize,
)
from irstd_toolbox.evaluation.metrics import IRSTDMetric
from irstd_toolbox.training import (
    CheckpointHook,
    CollapseGuardHook,
    CSVLoggerHook,
    EpochSeedHook,
    NaNGuardHook,
    PanelHook,
    ProgressHook,
    StampHook,
)
from irstd_toolbox.visualization import IRSTDVisualizer

data_root = os.environ.get('IRSTD_DATA_ROOT', 'data') + '/NUAA-SIRST'
size = (512, 512)
train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadClipImage),
    dict(type=LoadTargetMask),
    dict(type=Resize, size=size),
    dict(type=RandomFlip, horizontal=0.5, vertical=0.5),
    dict(type=PackInputs),
]
test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadClipImage),
    dict(type=Resize, size=size),
    dict(type=LoadTargetMask),
    dict(type=PackInputs),
]
dataset = dict(type=IRSTDDataset, name='NUAA-SIRST', data_root=data_root, split='trainval', holdout=0.1)
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type=DefaultSampler, shuffle=True),
    worker_init_fn=dict(type='irstd_worker_init'),
    dataset=dict(**dataset, part='fit', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(**dataset, part='holdout', pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(type=IRSTDDataset, name='NUAA-SIRST', data_root=data_root, split='test', pipeline=test_pipeline))
val_evaluator = dict(type=IRSTDMetric)
test_evaluator = dict(type=IRSTDMetric)

epochs = 600
train_cfg = dict(type=EpochBasedTrainLoop, max_epochs=epochs, val_interval=5)
val_cfg = dict(type=ValLoop)
test_cfg = dict(type=TestLoop)
optim_wrapper = dict(
    type=OptimWrapper, optimizer=dict(type='Adan', lr=1e-3, betas=(0.98, 0.92, 0.99), weight_decay=1e-4))
param_scheduler = [
    dict(type=LinearLR, start_factor=1e-3, begin=0, end=10, convert_to_iter_based=True),
    dict(type=CosineAnnealingLR, begin=10, end=epochs, eta_min=1e-9, convert_to_iter_based=True),
]

default_scope = 'irstd_toolbox'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
default_hooks = dict(
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, interval=50, log_metric_by_epoch=True),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, interval=5, max_keep_ckpts=1, save_best='irstd/IoU', rule='greater'),
    sampler_seed=dict(type=DistSamplerSeedHook))
custom_hooks = [
    dict(type=hook)
    for hook in (EpochSeedHook, NaNGuardHook, CollapseGuardHook, CSVLoggerHook, ProgressHook, StampHook)
] + [dict(type=PanelHook, images=2, interval=5)]
log_processor = dict(type=LogProcessor, by_epoch=True)
visualizer = dict(type=IRSTDVisualizer, name='visualizer', vis_backends=[
    dict(type=LocalVisBackend), dict(type=TensorboardVisBackend)])
