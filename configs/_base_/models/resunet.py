"""BasicIRSTD's ResUNet: four levels of residual blocks, 16 to 128 channels, one input channel, padded to 32 pixels."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=87.466, std=39.720, channels=1, divisor=32),
    backbone=dict(
        type='ResidualEncoder', widths=(16, 32, 64, 128), blocks=(1, 2, 2, 2), in_channels=1, attention=False,
        xavier=False),
    neck=dict(type='ResidualUDecoder', in_channels=(16, 32, 64, 128), blocks=(1, 1, 1)),
    decode_head=dict(type='LogitHead', in_channels=16),
    loss=dict(type='SoftIoULoss', per_image=False))
