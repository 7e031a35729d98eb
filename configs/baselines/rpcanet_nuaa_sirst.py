"""RPCANet on NUAA-SIRST. Reported by fengyiwu98/RPCANet: IoU 70.37, F1 82.61, Pd 95.41, Fa 7.42e-5.

At 256x256; that Pd counts any overlap and that Fa pixels, so neither compares with centroid distances.
"""

_base_ = [
    '../_base_/models/rpcanet.py',
    '../_base_/datasets/nuaa_sirst_256.py',
    '../_base_/schedules/adam_poly_800e.py',
    '../_base_/runtime.py',
]
