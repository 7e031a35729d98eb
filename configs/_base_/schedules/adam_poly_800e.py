"""RPCANet++'s training script: Adam, lr 1e-4 falling to 0 by the power 0.9 over 800 epochs; RPCANet's has 400."""

epochs = 800
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=epochs, convert_to_iter_based=True)]
