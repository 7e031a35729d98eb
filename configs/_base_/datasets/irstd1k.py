"""IRSTD-1k: 800 training images, a tenth of them held out for validation, and 201 test images, stretched to 512x512."""

data_root = '{{$IRSTD_DATA_ROOT:data}}/IRSTD-1k'
size = (512, 512)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage'),
    dict(type='LoadTargetMask'),
    dict(type='Resize', size=size),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PackInputs'),
]
# The mask is loaded after the resize, so that predictions are scored at the size of the file.
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage'),
    dict(type='Resize', size=size),
    dict(type='LoadTargetMask'),
    dict(type='PackInputs'),
]

dataset = dict(type='IRSTDDataset', name='IRSTD-1k', data_root=data_root, split='trainval', holdout=0.1)
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    worker_init_fn=dict(type='irstd_worker_init'),
    dataset=dict(dataset, part='fit', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(dataset, part='holdout', pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='IRSTDDataset', name='IRSTD-1k', data_root=data_root, split='test', pipeline=test_pipeline))
val_evaluator = dict(type='IRSTDMetric')
test_evaluator = dict(type='IRSTDMetric')
