"""SCTransNet's schedule: Adam, lr 1e-3, 1000 epochs of which 10 warm up, cosine to 1e-5."""

epochs = 1000
warmup = 10
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=warmup),
    dict(type='CosineAnnealingLR', begin=warmup, end=epochs, eta_min=1e-5),
]
