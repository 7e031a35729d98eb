"""PSTNN, the partial sum of the tensor nuclear norm, on NUAA-SIRST.

Reported by the README of BasicIRSTD (threshold not stated): IoU 22.40, Pd 77.95, Fa 29.1e-6.
"""

_base_ = [
    '../_base_/models/pstnn.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
