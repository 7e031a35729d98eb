"""ACM-FPN goes on from NUAA-SIRST's weights, on IRSTD-1k: AdamW, 24 epochs.

AdaGrad, its own optimizer, would begin with its largest steps, since its sums begin at 0.
"""

_base_ = '../baselines/acm_fpn_irstd1k.py'

load_from = 'configs/cpu/acm_fpn_nuaa_sirst.safetensors'
epochs = 24
train_cfg = dict(max_epochs=epochs, val_interval=3)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=epochs, eta_min=1e-6, convert_to_iter_based=True),
]
train_dataloader = dict(dataset=dict(in_memory=True))
val_dataloader = dict(dataset=dict(in_memory=True))
