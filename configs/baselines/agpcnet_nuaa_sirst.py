"""AGPCNet on NUAA-SIRST. Reported by the LGNet paper (Table 5): IoU 72.10, nIoU 70.24, Pd 80.73, Fa 7.23e-6.

Reported by the authors' README on SIRST-Aug, cuts of these images: IoU 72.88, F1 84.31. The recipe is theirs: 256x256,
batch 8, SGD, lr 0.05, soft IoU averaged over images; of the augmentation, which is in their files, only the mirroring
is here.
"""

_base_ = [
    '../_base_/models/agpcnet.py',
    '../_base_/datasets/nuaa_sirst_256.py',
    '../_base_/schedules/sgd_poly_125e.py',
    '../_base_/runtime.py',
]
