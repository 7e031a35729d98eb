"""UIU-Net's schedule: Adam, lr 1e-3, 500 epochs, constant."""

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=500, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = []
