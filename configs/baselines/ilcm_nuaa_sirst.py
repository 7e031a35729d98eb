"""ILCM, the improved local contrast measure, on NUAA-SIRST. Published figures: none known to us."""

_base_ = [
    '../_base_/models/ilcm.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
