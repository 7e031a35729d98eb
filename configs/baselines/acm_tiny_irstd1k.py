"""ACM-U-Net, full-size maps, on IRSTD-1k. No figure is published for this form; the recipe is its NUAA-SIRST one."""

_base_ = [
    '../_base_/models/acm_tiny.py',
    '../_base_/datasets/irstd1k_crop480.py',
    '../_base_/schedules/adagrad_poly_300e.py',
    '../_base_/runtime.py',
]
param_scheduler = None  # constant: the authors' code schedules SGD and Adam alone
