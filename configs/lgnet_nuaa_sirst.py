"""LGNet on NUAA-SIRST. Paper (Table 5): IoU 82.81, nIoU 84.65, Pd 99.85, Fa 1.46e-6; text in training only."""

_base_ = [
    './_base_/models/lgnet.py',
    './_base_/datasets/nuaa_sirst.py',
    './_base_/schedules/adan_600e.py',
    './_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=101.064, std=34.620))
