"""LGNet on IRSTD-1k. Paper (Table 4): IoU 73.30, nIoU 69.09, Pd 98.26, Fa 4.09e-6; text in training only.

The paper's recipe: 512x512, batch 8, 600 epochs, Adan, lr 1e-3, weight decay 1e-4, 10 warm-up epochs, BCE at
all outputs.
"""

_base_ = [
    './_base_/models/lgnet.py',
    './_base_/datasets/irstd1k.py',
    './_base_/schedules/adan_600e.py',
    './_base_/runtime.py',
]
