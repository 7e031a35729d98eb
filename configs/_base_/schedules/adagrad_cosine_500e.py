"""RepISD-Net's recipe: Adagrad, lr 0.05, weight decay 1e-4, a cosine by epochs down to 1e-5 over 500 epochs.

The cosine is what the authors' options say. Their training script steps the scheduler once and never again, so that the
rate in fact stays at 0.05 there; `--cfg-options param_scheduler=[]` trains so.
"""

epochs = 500
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adagrad', lr=0.05, weight_decay=1e-4))
param_scheduler = [dict(type='CosineAnnealingLR', begin=0, end=epochs, eta_min=1e-5)]
