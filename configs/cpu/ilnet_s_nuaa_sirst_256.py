"""ILNet-S goes on from the weights that ilnet_s_nuaa_sirst_128.py was best with, 12 epochs on windows of 256x256.

Such a window is most of an image, wherever it lies: those of 128x128 around targets show little of the clutter. The
weights beside this file are of seed 2, of three the best on the holdout: docs/results.md says how.
"""

_base_ = [
    '../_base_/models/ilnet_s.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/schedules/adan_60e.py',
    '../_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=101.064, std=34.620))
load_from = 'work_dirs/ilnet_s_128/best.pth'
train_dataloader = dict(dataset=dict(in_memory=True, pipeline=[
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomCrop', size=(256, 256), keep_targets=False),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='RandomRotate90', prob=0.5),
    dict(type='PackInputs'),
]))
epochs = 12
train_cfg = dict(max_epochs=epochs, val_interval=3)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=epochs, eta_min=1e-9, convert_to_iter_based=True),
]
