"""BasicIRSTD's ACM on NUAA-SIRST. Reported by BasicIRSTD: IoU 69.44, Pd 92.02, Fa 22.71e-6 (native size, 214 images).

Its split has 213 training and 214 test images; the list here is idx_427 (341 and 86).
"""

_base_ = [
    '../_base_/models/acm_basicirstd.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/schedules/basicirstd_400e.py',
    '../_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=101.064, std=34.620))
train_dataloader = dict(batch_size=16)
