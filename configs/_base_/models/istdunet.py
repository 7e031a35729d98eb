"""ISTDU-Net, one input channel, padded to 32 pixels, with BasicIRSTD's loss."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=87.466, std=39.720, channels=1, divisor=32),
    backbone=dict(type='ISTDUEncoder', in_channels=1),
    neck=dict(type='ISTDUDecoder'),
    decode_head=dict(type='ISTDUHead'),
    loss=dict(type='SoftIoULoss', per_image=False))
