"""PSTNN, the partial sum of the tensor nuclear norm, on IRSTD-1k.

Reported by the README of BasicIRSTD (threshold not stated): IoU 24.57, Pd 71.99, Fa 35.3e-6.
"""

_base_ = [
    '../_base_/models/pstnn.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/model_driven.py',
]
