"""ACM-FPN on NUAA-SIRST, windows and epochs of lgnet_fusion_nuaa_sirst_128.py, its own loss and optimizer."""

_base_ = [
    '../_base_/models/acm_fpn.py',
    '../_base_/datasets/nuaa_sirst_native_target128.py',
    '../_base_/schedules/adagrad_poly_60e.py',
    '../_base_/runtime.py',
]
