"""ILNet-S on NUAA-SIRST. Reported by its repository: IoU 78.12, nIoU 76.42, Pd 99.07, Fa 5.50e-6.

At 512x512, each figure the best over training on the test images. Its recipe: crops of 512, batches of 8, Adan, lr
1e-3, weight decay 1e-4, 600 epochs of which 10 warm up, BCE summed over all outputs, mixed precision (--amp).
"""

_base_ = [
    '../_base_/models/ilnet_s.py',
    '../_base_/datasets/nuaa_sirst_crop512.py',
    '../_base_/schedules/adan_600e.py',
    '../_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=90.837, std=66.682))
