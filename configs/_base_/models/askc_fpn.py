"""ASKCResNetFPN, the network that BasicIRSTD calls ALCNet, on one channel."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=87.466, std=39.720, channels=1, divisor=32),
    backbone=dict(type='ACMBackbone', in_channels=1),
    neck=dict(type='ASKCFPNNeck', fusion=dict(type='AsymBiFusion')),
    decode_head=dict(type='ACMHead', in_channels=8),
    loss=dict(type='SoftIoULoss', per_image=False))
