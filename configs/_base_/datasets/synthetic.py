"""Scenes of tools/synthesize.py at their own size, batches of 4; a tenth of the training scenes is held out."""

data_root = '{{$IRSTD_SYNTHETIC_DATA:work_dirs/synthetic/data}}'

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage', size=64),
    dict(type='LoadTargetMask'),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage', size=64),
    dict(type='LoadTargetMask'),
    dict(type='PackInputs'),
]

dataset = dict(type='IRSTDDataset', data_root=data_root, split='trainval', holdout=0.1)
train_dataloader = dict(
    batch_size=4,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    worker_init_fn=dict(type='irstd_worker_init'),
    dataset=dict(dataset, part='fit', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(dataset, part='holdout', pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='IRSTDDataset', data_root=data_root, split='test', pipeline=test_pipeline))
val_evaluator = dict(type='IRSTDMetric')
test_evaluator = dict(type='IRSTDMetric')
