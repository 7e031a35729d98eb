"""L2SKNet-UNet on IRSTD-1k. Reported by ADGNet (Table 1): IoU 67.81, Pd 90.24, Fa 17.46e-6.

That table does not say which of the four forms it has.
Recipe of the public code: whole images of 512x512 in 0..1 without augmentation, batches of 8, tests at native size.
"""

_base_ = [
    '../_base_/models/l2sknet.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/schedules/basicirstd_400e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='PackInputs'),
]))
