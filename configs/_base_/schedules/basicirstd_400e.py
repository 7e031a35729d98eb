"""BasicIRSTD's schedule: Adam, lr 5e-4, divided by ten after 200 and 300 of 400 epochs."""

epochs = 400
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[200, 300], gamma=0.1)]
