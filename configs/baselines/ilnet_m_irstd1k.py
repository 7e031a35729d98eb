"""ILNet-M on IRSTD-1k. Reported by its repository: IoU 67.86, nIoU 68.40, Pd 94.61, Fa 5.09e-6.

At 512x512, each figure the best over training on the test images. Its recipe: crops of 512, batches of 8, Adan, lr
1e-3, weight decay 1e-4, 600 epochs of which 10 warm up, BCE summed over all outputs, mixed precision (--amp).
"""

_base_ = [
    '../_base_/models/ilnet_m.py',
    '../_base_/datasets/irstd1k_crop512.py',
    '../_base_/schedules/adan_600e.py',
    '../_base_/runtime.py',
]
