"""NRAM, non-convex rank approximation with the norm 2,1, on NUAA-SIRST.

Reported by the README of BasicIRSTD (threshold not stated): IoU 12.16.
"""

_base_ = [
    '../_base_/models/nram.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
