"""MDvsFA-cGAN on NUAA-SIRST. Reported by LGNet (Table 5): IoU 60.30, nIoU 58.26, Pd 89.35.

Recipe of the public PyTorch code on patches of this set: 128x128 around targets, batches of 20, not augmented, 15,000
iterations. Runs in one process: three optimizers take turns.
"""

_base_ = [
    '../_base_/models/mdvsfa.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/schedules/mdvsfa_adam.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=20, dataset=dict(pipeline=_base_.recipe_pipeline))
train_cfg = dict(max_epochs=1000)
param_scheduler = [dict(type='StepLR', step_size=333, gamma=0.2)]
