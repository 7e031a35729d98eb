"""LGNet at reduced width on synthetic 128x128 scenes: what `make demo` trains in minutes on two CPU cores.

The same code as configs/lgnet_irstd1k.py. Its text and image encoder is a small CLIP with random weights, an
untrained stand-in, because the demo downloads nothing: what it shows is the path, not the worth of language.
"""

_base_ = ['./_base_/models/lgnet_small.py', './_base_/datasets/synthetic.py', './_base_/runtime.py']

data_root = '{{$IRSTD_DEMO_DATA:work_dirs/demo/data}}'
epochs = 12

workers = dict(num_workers=2, persistent_workers=True, dataset=dict(data_root=data_root))
train_dataloader = dict(workers, batch_size=8)
val_dataloader = workers
test_dataloader = dict(num_workers=2, dataset=dict(data_root=data_root))

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=3)
default_hooks = dict(checkpoint=dict(interval=3))
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adan', lr=8e-3, betas=(0.98, 0.92, 0.99), weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=epochs, eta_min=1e-5, convert_to_iter_based=True),
]
