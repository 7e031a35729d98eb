"""ACM's schedule over a fifth of its epochs: for training on a CPU."""

_base_ = './adagrad_poly_300e.py'
epochs = 60
train_cfg = dict(max_epochs=epochs)
param_scheduler = [dict(type='PolyLR', power=0.9, begin=0, end=epochs, eta_min=1e-6)]
