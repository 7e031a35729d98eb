"""IRSTD-1k, stretched to 320x320, turned upside down and cut to 288x288 in training, 320x320 in tests: UIU-Net."""

_base_ = './irstd1k.py'
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='Resize', size=(320, 320)),
    dict(type='RandomFlip', horizontal=0.0, vertical=0.5),
    dict(type='RandomCrop', size=(288, 288), keep_targets=False),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', size=(320, 320)),
    dict(type='LoadTargetMask'),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
