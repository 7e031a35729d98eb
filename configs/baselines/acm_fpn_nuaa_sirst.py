"""ACM-FPN on NUAA-SIRST. Reported by acm-pytorch: IoU 69.54, nIoU 71.21 (the 86 images of idx_427 at 512x512).

Reported by the LGNet paper (Table 5) for ACM, form not named: IoU 71.57, nIoU 72.77, Pd 98.15, Fa 34.47e-6.
Recipe: crops of 480, batch 8, 300 epochs, AdaGrad, lr 0.05, poly, soft IoU summed over the batch.
"""

_base_ = [
    '../_base_/models/acm_fpn.py',
    '../_base_/datasets/nuaa_sirst_crop480.py',
    '../_base_/schedules/adagrad_poly_300e.py',
    '../_base_/runtime.py',
]
