"""RIPT, the reweighted infrared patch-tensor, on IRSTD-1k.

Reported by the README of BasicIRSTD (threshold not stated): IoU 14.11, Pd 77.55, Fa 28.3e-6.
"""

_base_ = [
    '../_base_/models/ript.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/model_driven.py',
]
