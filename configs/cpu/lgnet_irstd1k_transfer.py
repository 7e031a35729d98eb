"""LGNet without language goes on from NUAA-SIRST's weights with IRSTD-1k's whole images, one epoch in batches of 4.

Binary cross-entropy of the final map: on IRSTD-1k it was ahead of soft IoU, docs/results.md.
"""

_base_ = '../ablations/lgnet_irstd1k_fusion.py'
model = dict(supervision='final')
load_from = 'configs/gpu/lgnet_scaled_nuaa_sirst.safetensors'
train_dataloader = dict(batch_size=4, dataset=dict(in_memory=True))
steps = 180
train_cfg = dict(max_epochs=1)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=18, by_epoch=False),
    dict(type='CosineAnnealingLR', begin=18, end=steps, eta_min=1e-9, by_epoch=False),
]
