"""L2SKNet-UNet, one grey channel in 0..1; its configs change the form and the kernels."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=0.0, std=255.0, channels=1, divisor=32),
    backbone=dict(type='UNetEncoder', widths=(16, 32, 64, 128), in_channels=1),
    neck=dict(type='L2SKNeck', form='unet'),
    decode_head=dict(type='L2SKHead'),
    loss=dict(type='SoftIoULoss', per_image=False))
