"""WSLCM, the weighted strengthened local contrast measure, on NUAA-SIRST.

Reported by the README of BasicIRSTD (213/214 split, native size, threshold not stated):
IoU 1.02, Pd 80.99, Fa 45846e-6.
"""

_base_ = [
    '../_base_/models/wslcm.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
