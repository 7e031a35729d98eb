"""ISNet on IRSTD-1k. Reported by the LGNet paper (Table 4): IoU 68.77, nIoU 64.84, Pd 95.56, Fa 15.39e-6.

Reported by BasicIRSTD, retrained under its own recipe: IoU 61.85, Pd 90.24, Fa 31.56e-6; no public training is known
to reach the first figures. The recipe is that of the training script in BasicIRSTD: crops of 480, batch 12, Adagrad, lr
0.05. The script also distorts, sharpens and turns images by a library of augmentations, which is not here.
"""

_base_ = [
    '../_base_/models/isnet.py',
    '../_base_/datasets/irstd1k_crop480.py',
    '../_base_/schedules/adagrad_waves_510e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=12)
