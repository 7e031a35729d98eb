"""Max-median filter, on NUAA-SIRST.

Reported by the README of BasicIRSTD (213/214 split, native size, threshold not stated): IoU 1.17, Pd 30.20, Fa 55.3e-6.
"""

_base_ = [
    '../_base_/models/max_median.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
