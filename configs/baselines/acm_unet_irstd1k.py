"""ACM-U-Net on IRSTD-1k. Reported by the LGNet paper (Table 4) for ACM: IoU 58.43, nIoU 54.34, Pd 89.23, Fa 23.57e-6.

The form is not named there; the recipe is that of NUAA-SIRST.
"""

_base_ = [
    '../_base_/models/acm_unet.py',
    '../_base_/datasets/irstd1k_crop480.py',
    '../_base_/schedules/adagrad_poly_300e.py',
    '../_base_/runtime.py',
]
