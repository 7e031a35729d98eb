"""DNANet of ResNet-18's depth, 16 to 256 channels.

Images are normalised by one mean and deviation, the averages of ImageNet's three, where the authors take one a channel.
"""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=114.495, std=57.63),
    backbone=dict(type='ResidualEncoder', widths=(16, 32, 64, 128, 256), blocks=(1, 2, 2, 2, 2)),
    neck=dict(type='DenseNestedNeck', in_channels=(16, 32, 64, 128, 256), blocks=(1, 2, 2, 2)),
    decode_head=dict(type='DeepSupervisionHead', in_channels=(16, 32, 64, 128, 256)),
    loss=dict(type='SoftIoULoss', per_image=False),
    supervision='mean')
