"""HDNet's schedule: Adagrad, 800 epochs, lr on a cosine that falls from 0.05 to 0.045 in 25 epochs and rises in 25.

``recipe_pipeline`` scales by 0.5 to 1.5, where DNANet's descendants scale by up to 2.
"""

epochs = 800
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adagrad', lr=0.05))
param_scheduler = [dict(type='CosineAnnealingLR', begin=0, end=epochs, T_max=25, eta_min=0.045)]
recipe_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomFlip', horizontal=0.5),
    dict(type='RandomScale', size=256, ratio=(0.5, 1.5)),
    dict(type='RandomCrop', size=(256, 256), keep_targets=False),
    dict(type='RandomBlur', sigma=(0.0, 1.0), prob=0.5),
    dict(type='PackInputs'),
]
