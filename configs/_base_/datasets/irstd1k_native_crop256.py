"""IRSTD-1k, cut to 256x256 in training, half of the windows without a target drawn anew, and brought into one of a
square's eight positions, each as likely; at the size of the file in tests: BasicIRSTD and its descendants.
"""

_base_ = './irstd1k.py'
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomCrop', size=(256, 256), keep_targets=False, redraw_empty=0.5),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='RandomRotate90', prob=0.75),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
