"""LGNet without language goes on from NUAA-SIRST's weights, on windows of 128x128 of IRSTD-1k, half around a target.

On whole images it then finds targets nearly everywhere, so that it is tested through windows too: docs/results.md.
"""

_base_ = [
    '../_base_/models/lgnet.py',
    '../_base_/datasets/irstd1k_native_half128.py',
    '../_base_/schedules/adan_60e.py',
    '../_base_/runtime.py',
]
model = dict(
    neck=dict(language_fusion=None),
    target_descriptor=None,
    supervision='final',
    windows=dict(size=128, stride=128),
)
load_from = 'configs/gpu/lgnet_scaled_nuaa_sirst.safetensors'
epochs = 14
train_cfg = dict(max_epochs=epochs, val_interval=7)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=epochs, eta_min=1e-9, convert_to_iter_based=True),
]
