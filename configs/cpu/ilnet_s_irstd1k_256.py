"""ILNet-S goes on from the weights that ilnet_s_irstd1k_128.py was best with, on windows of 256x256 anywhere."""

_base_ = [
    '../_base_/models/ilnet_s.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/schedules/adan_60e.py',
    '../_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=87.466, std=39.720))
load_from = 'work_dirs/ilnet_s_irstd1k_128/best.pth'
train_dataloader = dict(dataset=dict(in_memory=True))
epochs = 12
train_cfg = dict(max_epochs=epochs, val_interval=2)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=epochs, eta_min=1e-9, convert_to_iter_based=True),
]
