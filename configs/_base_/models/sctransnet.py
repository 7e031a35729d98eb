"""SCTransNet, full size, one grey channel."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=87.466, std=39.720, channels=1, divisor=32),
    backbone=dict(type='SCTransEncoder', in_channels=1),
    neck=dict(type='SCTransNeck', fusion=dict(type='ChannelCrossFusion')),
    decode_head=dict(type='SCTransHead'),
    loss=dict(type='BCELoss'))
