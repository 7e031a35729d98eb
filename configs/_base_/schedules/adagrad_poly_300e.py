"""ACM's schedule: AdaGrad, lr 0.05, weight decay 1e-4, 300 epochs; the poly decay to 1e-6 is acm-pytorch's.

AdaGrad is MXNet's, by which the authors trained; PyTorch's, as acm-pytorch has it, ended in background everywhere
(docs/results.md). The authors' MXNet code gives its poly schedule to SGD and Adam alone, so that AdaGrad's rate stays
constant there (`param_scheduler = None`).
"""

epochs = 300
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='DecoupledAdagrad', lr=0.05, weight_decay=1e-4, eps=1e-7 * 8**2))  # of a batch of 8
param_scheduler = [dict(type='PolyLR', power=0.9, begin=0, end=epochs, eta_min=1e-6)]
