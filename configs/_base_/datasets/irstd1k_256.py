"""IRSTD-1k, stretched to 256x256 and mirrored: the loaders of RPCANet and AGPCNet."""

_base_ = './irstd1k.py'
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='Resize', size=(256, 256)),
    dict(type='RandomFlip', horizontal=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', size=(256, 256)),
    dict(type='LoadTargetMask'),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
