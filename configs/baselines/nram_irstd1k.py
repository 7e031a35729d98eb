"""NRAM, non-convex rank approximation with the norm 2,1, on IRSTD-1k."""

_base_ = [
    '../_base_/models/nram.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/model_driven.py',
]
