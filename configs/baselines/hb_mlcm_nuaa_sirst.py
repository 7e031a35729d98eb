"""HB-MLCM, the high-boost-based multiscale local contrast measure, on NUAA-SIRST.

Published figures: none known to us.
"""

_base_ = [
    '../_base_/models/hb_mlcm.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/model_driven.py',
]
