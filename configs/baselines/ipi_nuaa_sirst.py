"""IPI, the infrared patch-image model, on NUAA-SIRST.

Reported by the README of BasicIRSTD (threshold not stated): IoU 25.67, Pd 85.55, Fa 11.5e-6.
"""

_base_ = [
    '../_base_/models/ipi.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
