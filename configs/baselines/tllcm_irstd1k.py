"""TLLCM, the tri-layer local contrast measure, on IRSTD-1k.

Reported by the README of BasicIRSTD (213/214 split, native size, threshold not stated): IoU 5.36, Pd 63.97, Fa 4.93e-6.
"""

_base_ = [
    '../_base_/models/tllcm.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/model_driven.py',
]
