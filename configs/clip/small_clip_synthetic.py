"""A small CLIP from random weights on 160 synthetic scenes and the sentences of `quadrant`: docs/clip.md.

LGNet's target descriptor takes it where the published weights cannot be had; small_clip_nuaa_sirst.py goes on from it.
Scenes and weights lie in $IRSTD_SMALL_CLIP, or work_dirs/small_clip.
"""

_base_ = ['./finetune_clip_langir.py', '../_base_/small_clip.py']

data_root = '{{$IRSTD_SMALL_CLIP:work_dirs/small_clip}}/data'
epochs = 200

model = dict(
    encoder=dict(_delete_=True, type='OpenCLIPEncoder', model=_base_.small_clip, pretrained='random'), unfreeze='all')

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage', size=128),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage', size=128),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(name=None, data_root=data_root, indices=160, in_memory=True, pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(name=None, data_root=data_root, in_memory=True, pipeline=test_pipeline))
test_dataloader = dict(num_workers=0, dataset=dict(name=None, data_root=data_root, pipeline=test_pipeline))

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=5, end=epochs, eta_min=1e-6, convert_to_iter_based=True),
]
# With four sentences the other recalls are 1 or steps of a quarter.
default_hooks = dict(checkpoint=dict(interval=10, save_best='clip/image_to_text_R1'))
