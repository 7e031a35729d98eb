"""ASKCResNetFPN on IRSTD-1k. Reported by BasicIRSTD as "ALCNet": IoU 58.09, Pd 92.93, Fa 74.45e-6 (native size).

Not ALCNet: it has no contrast operator.
"""

_base_ = [
    '../_base_/models/askc_fpn.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/schedules/basicirstd_400e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=16)
