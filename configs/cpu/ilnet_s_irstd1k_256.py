"""ILNet-S goes on from the weights that ilnet_s_irstd1k_128.py was best with, on windows of 256x256 anywhere."""

_base_ = './ilnet_s_nuaa_sirst_256.py'

own = dict(name='IRSTD-1k', data_root='{{$IRSTD_DATA_ROOT:data}}/IRSTD-1k')
model = dict(data_preprocessor=dict(mean=87.466, std=39.720))
load_from = 'work_dirs/ilnet_s_irstd1k_128/best.pth'
train_dataloader = dict(dataset=own)
val_dataloader = dict(dataset=own)
test_dataloader = dict(dataset=own)
train_cfg = dict(val_interval=2)
