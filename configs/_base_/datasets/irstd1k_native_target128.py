"""IRSTD-1k, cut to 128x128 around a target, mirrored and turned in training, at the size of the file in tests.

Smaller windows than any paper's, for short trainings.
"""

_base_ = './irstd1k_native_crop256.py'
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomCrop', size=(128, 128)),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='RandomRotate90', prob=0.5),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, in_memory=True))
