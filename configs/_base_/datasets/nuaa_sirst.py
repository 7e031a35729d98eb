"""NUAA-SIRST: the official list idx_427, 341 training images, a tenth of them held out, and 86 test images, 512x512."""

_base_ = './irstd1k.py'
data_root = '{{$IRSTD_DATA_ROOT:data}}/NUAA-SIRST'
train_dataloader = dict(dataset=dict(name='NUAA-SIRST', data_root=data_root))
val_dataloader = dict(dataset=dict(name='NUAA-SIRST', data_root=data_root))
test_dataloader = dict(dataset=dict(name='NUAA-SIRST', data_root=data_root))
