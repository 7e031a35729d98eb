"""ACM-FPN under a language prior on IRSTD-1k: LGNet's language fusion at the deepest level. No figure is published.

How to give a network language: a fusion block that reads the descriptor, a target descriptor that makes it, the scene
that CLIP reads, and, where training cuts windows, sentences told anew of the window, from its mask.
"""

_base_ = './acm_fpn_irstd1k.py'
model = dict(
    neck=dict(language_fusion=dict(type='LanguageFusion', descriptor_dim=512)),
    target_descriptor=dict(
        type='TargetDescriptor',
        encoder=dict(type='OpenCLIPEncoder', model='ViT-B-16-quickgelu', pretrained='openai'),
        text='train'))
# The pipelines of the base, with the scene and the window's sentence.
train_pipeline = [
    _base_.train_pipeline[0],
    dict(type='LoadClipImage'),
    *_base_.train_pipeline[1:4],
    dict(type='RandomCrop', size=(480, 480), keep_targets=False, description=dict(type='quadrant')),
    *_base_.train_pipeline[5:],
]
test_pipeline = [_base_.test_pipeline[0], dict(type='LoadClipImage'), *_base_.test_pipeline[1:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
