"""LGNet without language on IRSTD-1k, images scaled by 0.5 to 2, cut to 512x512 and blurred, as ILNet trains.

With language, on NUAA-SIRST: lgnet_nuaa_sirst_scaled_small_clip.py.
"""

_base_ = [
    '../_base_/models/lgnet.py',
    '../_base_/datasets/irstd1k_crop512.py',
    '../_base_/schedules/adan_600e.py',
    '../_base_/runtime.py',
]
model = dict(neck=dict(language_fusion=None), target_descriptor=None)
