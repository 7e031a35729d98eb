"""For fine-tuning a detector: AdamW, lr 1e-4, a tenth of it for the backbone and for the last 5 of 20 epochs."""

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
# bypass_duplicate: the box heads of all decoder layers are one.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-4),
    clip_grad=dict(max_norm=0.1),
    paramwise_cfg=dict(bypass_duplicate=True, custom_keys={'detector.net.model.backbone': dict(lr_mult=0.1)}))
param_scheduler = [dict(type='MultiStepLR', milestones=[15], gamma=0.1)]
