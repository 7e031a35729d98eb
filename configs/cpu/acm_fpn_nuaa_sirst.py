"""ACM-FPN on NUAA-SIRST under its own recipe, 54 epochs in place of 300.

The weights beside this file are of seed 1, of three the best on the holdout: docs/results.md says how.
"""

_base_ = '../baselines/acm_fpn_nuaa_sirst.py'

epochs = 54
train_cfg = dict(max_epochs=epochs, val_interval=4)
param_scheduler = [dict(type='PolyLR', power=0.9, begin=0, end=epochs, eta_min=1e-6)]
train_dataloader = dict(dataset=dict(in_memory=True))
val_dataloader = dict(dataset=dict(in_memory=True))
