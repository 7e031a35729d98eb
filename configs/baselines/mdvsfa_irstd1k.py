"""MDvsFA-cGAN on IRSTD-1k. Reported by LGNet (Table 4): IoU 49.50, nIoU 47.41, Pd 82.11, Fa 80.33e-6.

Recipe of the public PyTorch code on patches of this set: 128x128 around targets, batches of 20, not augmented, 15,000
iterations. Runs in one process: three optimizers take turns.
"""

_base_ = [
    '../_base_/models/mdvsfa.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/schedules/mdvsfa_adam.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=20, dataset=dict(pipeline=_base_.recipe_pipeline))
