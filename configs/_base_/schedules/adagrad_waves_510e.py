"""The training script of ISNet in BasicIRSTD: Adagrad, lr 0.05, weight decay 1e-4, a cosine that falls and rises.

It falls to 0 in 30 epochs and rises to 0.05 in the next 30. The script's comment names 500 epochs; 510 end in a trough.
"""

epochs = 510
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adagrad', lr=0.05, weight_decay=1e-4))
param_scheduler = [dict(type='CosineAnnealingLR', begin=0, end=epochs, T_max=30)]
