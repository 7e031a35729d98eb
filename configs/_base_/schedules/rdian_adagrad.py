"""RDIAN's schedule: ACM's with PyTorch's Adagrad of lr 0.005, and its crops of 480 without blur."""

_base_ = './adagrad_poly_300e.py'
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adagrad', lr=0.005, weight_decay=1e-4))
recipe_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomFlip', horizontal=0.5),
    dict(type='RandomScale', size=512, ratio=(0.5, 2.0)),
    dict(type='RandomCrop', size=(480, 480), keep_targets=False),
    dict(type='PackInputs'),
]
