"""A tenth of the paper's epochs, of which 2 warm up: for training on a CPU."""

_base_ = './adan_600e.py'
epochs = 60
warmup = 2
train_cfg = dict(max_epochs=epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=warmup, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=warmup, end=epochs, eta_min=1e-9, convert_to_iter_based=True),
]
