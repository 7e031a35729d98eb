"""TLLCM, the tri-layer local contrast measure, on NUAA-SIRST.

Reported by the README of BasicIRSTD (213/214 split, native size, threshold not stated):
IoU 11.03, Pd 79.47, Fa 7.27e-6.
"""

_base_ = [
    '../_base_/models/tllcm.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
