"""Goes on from the weights that lgnet_fusion_nuaa_sirst_128.py ended with, for 12 epochs on windows anywhere.

Windows around targets show little of the clutter that whole images hold, and the network is false there.
"""

_base_ = './lgnet_fusion_nuaa_sirst_128.py'
load_from = 'work_dirs/lgnet_fusion_nuaa_sirst_128/epoch_60.pth'
train_dataloader = dict(dataset=dict(pipeline=[
    *_base_.train_pipeline[:2],
    dict(type='RandomCrop', size=(128, 128), keep_targets=False),
    *_base_.train_pipeline[3:],
]))
epochs = 12
train_cfg = dict(max_epochs=epochs, val_interval=3)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=epochs, eta_min=1e-9, convert_to_iter_based=True),
]
