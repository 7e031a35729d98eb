"""ACM-U-Net, full-size maps, on NUAA-SIRST. Reported by open-acm: IoU 74.42, the best epoch over moving parts of
the test list; its weight on all 86 images: IoU 69.31, nIoU 72.55.

Recipe: crops of 480, batch 8, 300 epochs, AdaGrad, lr 0.05, constant, soft IoU summed over the batch.
"""

_base_ = [
    '../_base_/models/acm_tiny.py',
    '../_base_/datasets/nuaa_sirst_crop480.py',
    '../_base_/schedules/adagrad_poly_300e.py',
    '../_base_/runtime.py',
]
param_scheduler = None  # constant: the authors' code schedules SGD and Adam alone
