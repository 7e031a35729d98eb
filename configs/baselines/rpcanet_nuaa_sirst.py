"""RPCANet on NUAA-SIRST. Reported by fengyiwu98/RPCANet: IoU 70.37, F1 82.61, Pd 95.41, Fa 7.42e-5.

At 256x256; that Pd counts any overlap and that Fa pixels, so neither compares with centroid distances.
"""

_base_ = [
    '../_base_/models/rpcanet.py',
    '../_base_/datasets/nuaa_sirst_256.py',
    '../_base_/schedules/adam_poly_800e.py',
    '../_base_/runtime.py',
]
train_cfg = dict(max_epochs=400)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=400, convert_to_iter_based=True)]
