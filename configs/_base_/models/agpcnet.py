"""AGPCNet as the authors' ``agpcnet_1``: ResNet-18 and patches of four scales.

The recipe normalises RGB by ImageNet; mean and std here are ImageNet's averages over its three channels.
"""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=114.495, std=57.630),
    backbone=dict(type='UnpooledResNet'),
    neck=dict(type='ContextPyramidNeck', fusion=dict(type='AsymmetricFusion')),
    decode_head=dict(type='AGPCHead'),
    loss=dict(type='SoftIoULoss'))
