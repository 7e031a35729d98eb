"""ResUNet on NUAA-SIRST in BasicIRSTD's form and recipe, batches of 16. BasicIRSTD's logs give no figure for it."""

_base_ = [
    '../_base_/models/resunet.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/schedules/basicirstd_400e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=16)
model = dict(data_preprocessor=dict(mean=101.064, std=34.620))
