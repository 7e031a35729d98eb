"""RPCANet++ S6 on NUAA-SIRST. Reported by fengyiwu98/RPCANet: IoU 74.76, F1 85.47, Pd 100.0, Fa 10.77e-5.

At 256x256; that Pd counts any overlap and that Fa pixels, so neither compares with centroid distances.
"""

_base_ = [
    '../_base_/models/rpcanet_plus.py',
    '../_base_/datasets/nuaa_sirst_256.py',
    '../_base_/schedules/adam_poly_800e.py',
    '../_base_/runtime.py',
]
