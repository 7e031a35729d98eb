"""ASKCResNetFPN on NUAA-SIRST. Reported by BasicIRSTD as "ALCNet": IoU 61.05, Pd 87.07, Fa 55.98e-6 (214 images).

Not ALCNet: it has no contrast operator. Native size; BasicIRSTD's split has 213 training and 214 test images, the list
here is idx_427 (341 and 86).
"""

_base_ = [
    '../_base_/models/askc_fpn.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/schedules/basicirstd_400e.py',
    '../_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=101.064, std=34.620))
train_dataloader = dict(batch_size=16)
