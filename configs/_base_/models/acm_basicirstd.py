"""ACM-U-Net as BasicIRSTD has it: one channel, three blocks a stage, the overlap summed over the batch."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=87.466, std=39.720, channels=1, divisor=32),
    backbone=dict(type='ACMBackbone', in_channels=1, blocks=3),
    neck=dict(type='ACMUNetNeck', blocks=3, fusion=dict(type='AsymBiFusion')),
    decode_head=dict(type='ACMHead'),
    loss=dict(type='SoftIoULoss', per_image=False))
