"""ISNet on NUAA-SIRST. Reported by BasicIRSTD, its own recipe and split: IoU 70.49, Pd 95.06, Fa 67.98e-6.

The recipe is that of the training script in BasicIRSTD, which is for IRSTD-1k: crops of 480, batch 12, Adagrad,
lr 0.05.
"""

_base_ = [
    '../_base_/models/isnet.py',
    '../_base_/datasets/nuaa_sirst_crop480.py',
    '../_base_/schedules/adagrad_waves_510e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=12)
model = dict(data_preprocessor=dict(mean=101.064, std=34.620))
