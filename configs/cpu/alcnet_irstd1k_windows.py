"""ALCNet goes on from its 32 epochs on a GPU, on IRSTD-1k: AdamW on windows of 256x256, half of them around a target.

Those epochs' rate was constant and their IoU on the holdout still rose: here the rate falls to 1e-6 by a cosine. It
rose no further: docs/results.md.
"""

_base_ = '../gpu/alcnet_irstd1k.py'

load_from = 'configs/gpu/alcnet_irstd1k.safetensors'
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomChoice', transforms=[
        [dict(type='RandomCrop', size=(256, 256))], [dict(type='RandomCrop', size=(256, 256), keep_targets=False)]]),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='RandomRotate90', prob=0.5),
    dict(type='PackInputs'),
]
train_dataloader = dict(batch_size=4, dataset=dict(in_memory=True, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(in_memory=True))
epochs, steps = 5, 900
train_cfg = dict(max_epochs=epochs, val_interval=1)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=18, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=18, end=steps, eta_min=1e-6, by_epoch=False),
]
