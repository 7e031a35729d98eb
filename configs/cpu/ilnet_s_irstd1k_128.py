"""ILNet-S on IRSTD-1k on a CPU: windows of 128x128 at the size of the file, batch 8, half around a target."""

_base_ = [
    '../_base_/models/ilnet_s.py',
    '../_base_/datasets/irstd1k_native_half128.py',
    '../_base_/schedules/adan_60e.py',
    '../_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=87.466, std=39.720))
train_cfg = dict(val_interval=3)
