"""ACM-U-Net on NUAA-SIRST under its own recipe, 40 epochs in place of 300."""

_base_ = '../baselines/acm_unet_nuaa_sirst.py'

epochs = 40
train_cfg = dict(max_epochs=epochs, val_interval=4)
param_scheduler = [dict(type='PolyLR', power=0.9, begin=0, end=epochs, eta_min=1e-6)]
train_dataloader = dict(dataset=dict(in_memory=True))
val_dataloader = dict(dataset=dict(in_memory=True))
