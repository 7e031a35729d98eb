"""Adam, lr 1e-3, 8 epochs down a cosine: 360 iterations on 180 scenes, for comparisons that a CPU ends in minutes."""

epochs = 8
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='CosineAnnealingLR', begin=0, end=epochs, eta_min=1e-5, convert_to_iter_based=True)]
