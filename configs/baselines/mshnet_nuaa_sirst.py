"""MSHNet on NUAA-SIRST, for which the authors report no figure. Recipe: theirs for IRSTD-1k, batches of 4."""

_base_ = [
    '../_base_/models/mshnet.py',
    '../_base_/datasets/nuaa_sirst_crop256.py',
    '../_base_/schedules/adagrad_400e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=4)
