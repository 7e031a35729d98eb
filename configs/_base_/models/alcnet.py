"""ALCNet in the form of the released weight: shifts 13 and 17, bottom-up local attention.

The recipe normalises RGB by ImageNet; mean and std here are ImageNet's averages over its three channels.
"""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=114.495, std=57.630),
    backbone=dict(type='ACMBackbone', tiny=True),
    neck=dict(type='ALCNetNeck', shifts=(13, 17), fusion=dict(type='BottomUpLocalFusion')),
    decode_head=dict(type='ACMHead'),
    loss=dict(type='SoftIoULoss', per_image=False))
