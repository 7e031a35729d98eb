"""Top-hat filter, on IRSTD-1k.

Reported by the README of BasicIRSTD (213/214 split, native size, threshold not stated):
IoU 10.06, Pd 75.11, Fa 1432e-6.
"""

_base_ = [
    '../_base_/models/top_hat.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/model_driven.py',
]
