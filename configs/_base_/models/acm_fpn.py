"""ACM-FPN as acm-pytorch has it: maps from a quarter of the image's size, interpolation between levels.

The recipe normalises RGB by ImageNet; mean and std here are ImageNet's averages over its three channels.
"""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=114.495, std=57.630),
    backbone=dict(type='ACMBackbone'),
    neck=dict(type='ACMFPNNeck', fusion=dict(type='AsymBiFusion')),
    decode_head=dict(type='ACMHead'),
    loss=dict(type='SoftIoULoss', per_image=False))
