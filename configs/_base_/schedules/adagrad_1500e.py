"""DNANet's schedule: Adagrad, lr 0.05, cosine down to 1e-5 over 1500 epochs.

The cosine is what the authors' options say. Their training script steps the scheduler once and never again, so that the
rate in fact stays at 0.05 there; `--cfg-options param_scheduler=[]` trains so.
"""

epochs = 1500
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adagrad', lr=0.05))
param_scheduler = [dict(type='CosineAnnealingLR', begin=0, end=epochs, T_max=epochs, eta_min=1e-5)]
