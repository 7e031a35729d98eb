"""LCM, the local contrast measure, on IRSTD-1k. Published figures: none known to us."""

_base_ = [
    '../_base_/models/lcm.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/model_driven.py',
]
