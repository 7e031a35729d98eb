"""DNANet (ResNet-18) with LGNet's language fusion on IRSTD-1k: an example of mixing parts. No paper has this network.

The node of the triangle that joins the two deepest encoder maps does so by LGNet's language fusion under the target
descriptor, in the place of concatenation; all else is DNANet's. As in LGNet, the description is read in training only;
of a window that training cuts it is told anew, from the window's mask.
"""

_base_ = './dnanet_r18_irstd1k.py'
model = dict(
    neck=dict(language_fusion=dict(type='LanguageFusion', descriptor_dim=512)),
    target_descriptor=dict(
        type='TargetDescriptor',
        encoder=dict(type='OpenCLIPEncoder', model='ViT-B-16-quickgelu', pretrained='openai'),
        text='train'))
# The pipelines of the base, with the scene that CLIP reads and the window's sentence.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomFlip', horizontal=0.5),
    dict(type='RandomScale', size=256, ratio=(0.5, 2.0)),
    dict(type='RandomCrop', size=(256, 256), keep_targets=False, description=dict(type='quadrant')),
    dict(type='RandomBlur', sigma=(0.0, 1.0), prob=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage'),
    dict(type='Resize', size=(256, 256)),
    dict(type='LoadTargetMask'),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
