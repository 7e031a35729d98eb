"""Max-mean filter, on NUAA-SIRST. Published figures: none known to us."""

_base_ = [
    '../_base_/models/max_mean.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
