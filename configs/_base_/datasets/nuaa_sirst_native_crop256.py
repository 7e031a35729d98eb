"""NUAA-SIRST, the official list idx_427, read as in irstd1k_native_crop256.py; small images are padded by its mean."""

_base_ = './irstd1k_native_crop256.py'
data_root = '{{$IRSTD_DATA_ROOT:data}}/NUAA-SIRST'
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomCrop', size=(256, 256), keep_targets=False, redraw_empty=0.5, pad_value=101.064),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='RandomRotate90', prob=0.75),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(name='NUAA-SIRST', data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(name='NUAA-SIRST', data_root=data_root))
test_dataloader = dict(dataset=dict(name='NUAA-SIRST', data_root=data_root))
