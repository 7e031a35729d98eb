"""The paper's schedule: Adan, lr 1e-3, weight decay 1e-4, 600 epochs of which 10 warm up (LGNet, Sec. 4.2).

Betas, the warm-up's start at a thousandth and the cosine down to a millionth are ILNet's, whose recipe
the paper follows.
"""

epochs = 600
warmup = 10
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adan', lr=1e-3, betas=(0.98, 0.92, 0.99), weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=warmup, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=warmup, end=epochs, eta_min=1e-9, convert_to_iter_based=True),
]
