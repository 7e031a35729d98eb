"""MSHNet's schedule: Adagrad, lr 0.05, 400 epochs, constant."""

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=400, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adagrad', lr=0.05))
param_scheduler = []
