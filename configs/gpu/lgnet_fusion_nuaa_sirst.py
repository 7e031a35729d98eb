"""LGNet without language on NUAA-SIRST at 512x512: 15 epochs by the paper's recipe, then 3 in which the rate falls.

Those 15 are ablations/lgnet_nuaa_sirst_fusion.py, ended by the time of a GPU's slot; docs/results.md has the commands.
"""

_base_ = '../ablations/lgnet_nuaa_sirst_fusion.py'
load_from = 'work_dirs/slots_gpu/results/lgnet_fusion_0/epoch_15.pth'

epochs = 3
train_dataloader = dict(batch_size=4)
train_cfg = dict(max_epochs=epochs, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=10),
    dict(type='CosineAnnealingLR', end=epochs, T_max=epochs, eta_min=0.0, convert_to_iter_based=True),
]
