"""ILNet-S on IRSTD-1k on a CPU: windows of 128x128 at the size of the file, batch 8, half around a target.

The others lie anywhere. On windows around targets alone ILNet-L found clutter everywhere: docs/results.md.
"""

_base_ = [
    '../_base_/models/ilnet_s.py',
    '../_base_/datasets/irstd1k_native_target128.py',
    '../_base_/schedules/adan_60e.py',
    '../_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=87.466, std=39.720))
train_dataloader = dict(dataset=dict(pipeline=[
    *_base_.train_pipeline[:2],
    dict(type='RandomChoice', transforms=[
        [_base_.train_pipeline[2]], [dict(type='RandomCrop', size=(128, 128), keep_targets=False)]]),
    *_base_.train_pipeline[3:],
]))
train_cfg = dict(val_interval=3)
