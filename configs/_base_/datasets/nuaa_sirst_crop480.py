"""NUAA-SIRST, the official list idx_427, read as in irstd1k_crop480.py."""

_base_ = './irstd1k_crop480.py'
data_root = '{{$IRSTD_DATA_ROOT:data}}/NUAA-SIRST'
train_dataloader = dict(dataset=dict(name='NUAA-SIRST', data_root=data_root))
val_dataloader = dict(dataset=dict(name='NUAA-SIRST', data_root=data_root))
test_dataloader = dict(dataset=dict(name='NUAA-SIRST', data_root=data_root))
