"""ACM-U-Net in the form of the authors' released weight: maps from the full size, no projection before the fusion.

The recipe normalises RGB by ImageNet; mean and std here are ImageNet's averages over its three channels. The authors'
code enlarges with aligned corners; this form interpolates nowhere.
"""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=114.495, std=57.630),
    backbone=dict(type='ACMBackbone', tiny=True),
    neck=dict(type='ACMUNetNeck', fusion=dict(type='AsymBiFusion')),
    decode_head=dict(type='ACMHead'),
    loss=dict(type='SoftIoULoss', per_image=False))
