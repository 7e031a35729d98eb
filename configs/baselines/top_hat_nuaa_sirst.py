"""Top-hat filter, on NUAA-SIRST.

Reported by the README of BasicIRSTD (213/214 split, native size, threshold not stated): IoU 7.14, Pd 79.84, Fa 1012e-6.
"""

_base_ = [
    '../_base_/models/top_hat.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
