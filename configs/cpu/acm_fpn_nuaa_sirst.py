"""ACM-FPN on NUAA-SIRST under the recipe of lgnet_fusion_nuaa_sirst.py; the loss is its own."""

_base_ = [
    '../_base_/models/acm_fpn.py',
    '../_base_/datasets/nuaa_sirst_native_target128.py',
    '../_base_/schedules/adan_60e.py',
    '../_base_/runtime.py',
]
