"""RepISD-Net on IRSTD-1k. Reported by dalinlin-Wu/RepISD-Net: IoU 65.45, Pd 91.59, Fa 7.62e-6.

At 256x256, IoU at a probability of 0.5, Pd and Fa at 0.9. The repository has no statistics for IRSTD-1k; these are
BasicIRSTD's. Its Dice loss sums squared areas; ours sums areas.
"""

_base_ = [
    '../_base_/models/repisd.py',
    '../_base_/datasets/irstd1k_crop256.py',
    '../_base_/schedules/adagrad_cosine_500e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=16)
model = dict(data_preprocessor=dict(mean=87.466, std=39.720))
