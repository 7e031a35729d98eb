"""ISTDU-Net on NUAA-SIRST, BasicIRSTD's recipe. Reported by BasicIRSTD: IoU 75.93, Pd 96.20, Fa 38.90e-6.

Its split is 213 / 214 images, not idx_427. The authors' own recipe is another: docs/baselines.md.
"""

_base_ = [
    '../_base_/models/istdunet.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/schedules/basicirstd_400e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=16)
model = dict(data_preprocessor=dict(mean=101.064, std=34.620))
