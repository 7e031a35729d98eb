"""ACM-FPN under a language prior on IRSTD-1k: LGNet's language fusion at the deepest level. No figure is published.

How to give a network language: a fusion block that reads the descriptor, and a target descriptor that makes it.
"""

_base_ = './acm_fpn_irstd1k.py'
model = dict(
    neck=dict(language_fusion=dict(type='LanguageFusion', descriptor_dim=512)),
    target_descriptor=dict(
        type='TargetDescriptor',
        encoder=dict(type='OpenCLIPEncoder', model='ViT-B-16-quickgelu', pretrained='openai'),
        text='train'))
