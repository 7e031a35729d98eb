"""AGPCNet on IRSTD-1k. Reported by the LGNet paper (Table 4): IoU 57.03, nIoU 52.55, Pd 88.55, Fa 16.28e-6.

The recipe is that of the authors' README and script: 256x256, batch 8, SGD, lr 0.05, soft IoU averaged over images.
Theirs has no IRSTD-1k.
"""

_base_ = [
    '../_base_/models/agpcnet.py',
    '../_base_/datasets/irstd1k_256.py',
    '../_base_/schedules/sgd_poly_125e.py',
    '../_base_/runtime.py',
]
