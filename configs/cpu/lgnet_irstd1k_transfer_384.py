"""LGNet goes on from lgnet_irstd1k_transfer.py, three epochs on windows of 384x384, half of them around a target.

Such a window costs 0.56 of an image's time; that of 128x128 taught LGNet nothing about whole images: docs/results.md.
"""

_base_ = './lgnet_irstd1k_transfer.py'
load_from = 'work_dirs/lgnet_irstd1k_transfer/best.pth'
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomChoice', transforms=[
        [dict(type='RandomCrop', size=(384, 384))], [dict(type='RandomCrop', size=(384, 384), keep_targets=False)]]),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='RandomRotate90', prob=0.5),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
steps = 540
train_cfg = dict(max_epochs=3)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=18, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=18, end=steps, eta_min=1e-9, by_epoch=False),
]
