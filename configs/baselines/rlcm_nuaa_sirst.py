"""RLCM, the multiscale relative local contrast measure, on NUAA-SIRST.

Reported by the README of BasicIRSTD (213/214 split, native size, threshold not stated):
IoU 21.02, Pd 80.61, Fa 199.2e-6.
"""

_base_ = [
    '../_base_/models/rlcm.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
