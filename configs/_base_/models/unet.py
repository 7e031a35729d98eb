"""BasicIRSTD's U-Net: 64 to 1024 channels, batch norm, one input channel, padded to 32 pixels."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=87.466, std=39.720, channels=1, divisor=32),
    backbone=dict(type='UNetEncoder', widths=(64, 128, 256, 512, 1024), in_channels=1),
    neck=dict(type='UNetDecoder', in_channels=(64, 128, 256, 512, 1024)),
    decode_head=dict(type='LogitHead', in_channels=64),
    loss=dict(type='SoftIoULoss', per_image=False))
