"""RIPT, the reweighted infrared patch-tensor, on NUAA-SIRST.

Reported by the README of BasicIRSTD (threshold not stated): IoU 11.05, Pd 79.08, Fa 22.6e-6.
"""

_base_ = [
    '../_base_/models/ript.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
