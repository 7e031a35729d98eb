"""IRSTD-1k, cut to 128x128 as in irstd1k_native_target128.py, half of the windows around a target, the others anywhere.

On windows around targets alone ILNet-L found clutter everywhere: docs/results.md.
"""

_base_ = './irstd1k_native_target128.py'
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomChoice', transforms=[
        [dict(type='RandomCrop', size=(128, 128))], [dict(type='RandomCrop', size=(128, 128), keep_targets=False)]]),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='RandomRotate90', prob=0.5),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
