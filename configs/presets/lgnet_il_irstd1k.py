"""LGNet on ILNet-L's exact stages, with the paper's own fusion: 4.07 M parameters."""

_base_ = '../lgnet_irstd1k.py'
model = dict(
    backbone=dict(stages=((7, 16, 64), (6, 16, 64), (5, 32, 64), (4, 32, 128), ('4F', 32, 128))),
    neck=dict(
        stages=((7, 16, 64), (6, 16, 64), (5, 32, 64), (4, 32, 64), ('4F', 64, 128), ('4F', 64, 128)),
        language_fusion=dict(hidden=(2048,))))
