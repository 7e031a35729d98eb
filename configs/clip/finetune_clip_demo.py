"""What finetune_clip_langir.py does, with a small CLIP from random weights on synthetic 64x64 scenes and a CPU.

The commands that make the scenes are in docs/clip.md. Everything trains, for nothing is there to keep.
"""

_base_ = './finetune_clip_langir.py'

data_root = '{{$IRSTD_DEMO_DATA:work_dirs/clip_demo/data}}'
epochs = 40

encoder = dict(
    type='OpenCLIPEncoder',
    model=dict(
        embed_dim=32,
        vision_cfg=dict(image_size=64, layers=[1, 1, 1, 1], width=8, head_width=32),
        text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1)),
    pretrained='random')
model = dict(encoder=dict(_delete_=True, **encoder), unfreeze='all')

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage', size=64),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage', size=64),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=32, dataset=dict(name=None, data_root=data_root, holdout=0.2, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(name=None, data_root=data_root, holdout=0.2, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(name=None, data_root=data_root, pipeline=test_pipeline))

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=5)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=2, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=2, end=epochs, eta_min=1e-6, convert_to_iter_based=True),
]
