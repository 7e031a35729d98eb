"""HDNet's schedule: Adagrad, 800 epochs, lr on a cosine that falls from 0.05 to 0.045 in 25 epochs and rises in 25."""

epochs = 800
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adagrad', lr=0.05))
param_scheduler = [dict(type='CosineAnnealingLR', begin=0, end=epochs, T_max=25, eta_min=0.045)]
