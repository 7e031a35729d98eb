"""LGNet with the small CLIP on NUAA-SIRST, text in training only, images scaled by 0.5 to 2, cut and blurred. Ours.

Sentence and CLIP's copy are those of the window that the network sees; at test that is the whole image. Soft IoU of the
final map, as the published weights without language.
"""

_base_ = './lgnet_nuaa_sirst_small_clip.py'

model = dict(supervision='final', loss=dict(type='SoftIoULoss'), target_descriptor=dict(cache_dir=None))
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage', size=128),
    dict(type='LoadTargetMask'),
    dict(type='RandomFlip', horizontal=0.5),
    dict(type='RandomScale', size=512, ratio=(0.5, 2.0)),
    dict(type='RandomCrop', size=(512, 512), keep_targets=False, description=dict(type='quadrant'), clip='window'),
    dict(type='RandomBlur', sigma=(0.0, 1.0), prob=0.5),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
