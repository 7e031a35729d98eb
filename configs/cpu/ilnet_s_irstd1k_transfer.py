"""ILNet-S goes on from NUAA-SIRST's weights, 10 epochs on windows of 256x256 of IRSTD-1k."""

_base_ = './ilnet_s_irstd1k_256.py'

load_from = 'configs/cpu/ilnet_s_nuaa_sirst_256.safetensors'
epochs = 10
train_cfg = dict(max_epochs=epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=epochs, eta_min=1e-9, convert_to_iter_based=True),
]
