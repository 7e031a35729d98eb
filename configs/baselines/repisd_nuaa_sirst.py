"""RepISD-Net on NUAA-SIRST. Reported by dalinlin-Wu/RepISD-Net: IoU 77.81, Pd 100.00, Fa 4.22e-6.

At 256x256, IoU at a probability of 0.5, Pd and Fa at 0.9. Its Dice loss sums squared areas; ours sums areas.
"""

_base_ = [
    '../_base_/models/repisd.py',
    '../_base_/datasets/nuaa_sirst_crop256.py',
    '../_base_/schedules/adagrad_cosine_500e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=16)
