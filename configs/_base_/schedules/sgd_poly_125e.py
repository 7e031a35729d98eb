"""AGPCNet's schedule: SGD, lr 0.05, momentum 0.9, weight decay 1e-4, poly by iterations.

The authors train 5 epochs of SIRST-Aug, whose 8,525 images are 25 cuts of each of 341; 5 x 25 epochs of the 341 see as
many.
"""

epochs = 125
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=1e-4))
param_scheduler = [dict(type='PolyLR', power=0.9, begin=0, end=epochs, eta_min=0.0, convert_to_iter_based=True)]
