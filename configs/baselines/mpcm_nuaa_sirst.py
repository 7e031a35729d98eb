"""MPCM, the multiscale patch-based contrast measure, on NUAA-SIRST.

Reported by the README of BasicIRSTD (213/214 split, native size, threshold not stated):
IoU 12.84, Pd 83.27, Fa 17.8e-6 (called MSPCM).
"""

_base_ = [
    '../_base_/models/mpcm.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
