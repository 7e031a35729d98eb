"""MPCM, the multiscale patch-based contrast measure, on IRSTD-1k.

Reported by the README of BasicIRSTD (213/214 split, native size, threshold not stated):
IoU 7.33, Pd 60.27, Fa 15.2e-6 (called MSPCM).
"""

_base_ = [
    '../_base_/models/mpcm.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/model_driven.py',
]
