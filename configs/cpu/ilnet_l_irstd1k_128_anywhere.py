"""ILNet-L goes on from gpu/ilnet_l_irstd1k_128.py's weights, half of its windows anywhere, half around a target.

Windows around targets show little of the clutter that whole images hold, and the network is false there; of windows
anywhere most hold no target.
"""

_base_ = '../gpu/ilnet_l_irstd1k_128.py'
load_from = 'work_dirs/slots_gpu4/irstd1k/ilnet_l/best_irstd_IoU_epoch_6.pth'
train_dataloader = dict(dataset=dict(pipeline=[
    *_base_.train_pipeline[:2],
    dict(type='RandomChoice', transforms=[
        [_base_.train_pipeline[2]], [dict(type='RandomCrop', size=(128, 128), keep_targets=False)]]),
    *_base_.train_pipeline[3:],
]))
epochs = 12
train_cfg = dict(max_epochs=epochs, val_interval=4)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=epochs, eta_min=1e-9, convert_to_iter_based=True),
]
