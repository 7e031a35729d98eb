"""HB-MLCM, the high-boost-based multiscale local contrast measure, on IRSTD-1k.

Published figures: none known to us.
"""

_base_ = [
    '../_base_/models/hb_mlcm.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/model_driven.py',
]
