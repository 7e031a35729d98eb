"""ILNet-L on IRSTD-1k in short time: windows of 128x128 around a target at the size of the file, batch 8."""

_base_ = [
    '../_base_/models/ilnet_l.py',
    '../_base_/datasets/irstd1k_native_target128.py',
    '../_base_/schedules/adan_60e.py',
    '../_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=87.466, std=39.720))
