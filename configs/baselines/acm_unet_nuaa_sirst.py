"""ACM-U-Net on NUAA-SIRST. Reported by acm-pytorch: IoU 71.52, nIoU 72.81 (the 86 images of idx_427 at 512x512).

Recipe: crops of 480, batch 8, 300 epochs, AdaGrad, lr 0.05, poly, soft IoU summed over the batch.
"""

_base_ = [
    '../_base_/models/acm_unet.py',
    '../_base_/datasets/nuaa_sirst_crop480.py',
    '../_base_/schedules/adagrad_poly_300e.py',
    '../_base_/runtime.py',
]
