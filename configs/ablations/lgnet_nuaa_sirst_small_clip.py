"""LGNet on NUAA-SIRST, text in training only, with the small CLIP of configs/clip/small_clip_nuaa_sirst.py. Ours.

Weights and descriptions of the training list lie in $IRSTD_SMALL_CLIP, or work_dirs/small_clip: docs/clip.md. The
embeddings are scaled to length 1, as the loss of that CLIP sees them: it leaves their lengths to chance.
"""

_base_ = ['../lgnet_nuaa_sirst.py', '../_base_/small_clip.py']

folder = '{{$IRSTD_SMALL_CLIP:work_dirs/small_clip}}'
model = dict(target_descriptor=dict(normalize=True, encoder=dict(
    _delete_=True, type='OpenCLIPEncoder', model=_base_.small_clip, pretrained=f'{folder}/clip.safetensors')))
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage', size=128),
    dict(type='LoadTargetMask'),
    dict(type='Resize', size=(512, 512)),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage', size=128),
    dict(type='Resize', size=(512, 512)),
    dict(type='LoadTargetMask'),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    dataset=dict(pipeline=train_pipeline, description_dir=f'{folder}/nuaa_sirst_descriptions'))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
