"""IRSTD-1k, scaled by 0.5 to 2 about 512, cut to 480x480 and blurred in training, stretched to 512x512 in tests: ACM
and its descendants.
"""

_base_ = './irstd1k.py'
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomFlip', horizontal=0.5),
    dict(type='RandomScale', size=512, ratio=(0.5, 2.0)),
    dict(type='RandomCrop', size=(480, 480), keep_targets=False),
    dict(type='RandomBlur', sigma=(0.0, 1.0), prob=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', size=(512, 512)),
    dict(type='LoadTargetMask'),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
