"""L2SKNet-UNet on NUAA-SIRST. Reported by ADGNet (Table 1): IoU 73.43, Pd 98.17, Fa 20.82e-6.

That table does not say which of the four forms it has.
The public code does not read this set: trained as it trains NUDT-SIRST, stretched to 256x256, in 0..1, without
augmentation, batches of 8; tested at native size.
"""

_base_ = [
    '../_base_/models/l2sknet.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/schedules/basicirstd_400e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='Resize', size=(256, 256)),
    dict(type='PackInputs'),
]))
