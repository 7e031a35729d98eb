"""IPI, the infrared patch-image model, on IRSTD-1k.

Reported by the README of BasicIRSTD (threshold not stated): IoU 27.92, Pd 81.37, Fa 16.2e-6.
"""

_base_ = [
    '../_base_/models/ipi.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/model_driven.py',
]
