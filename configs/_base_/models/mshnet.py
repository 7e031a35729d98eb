"""MSHNet with the SLS loss of its authors' code; six epochs of warm-up, as the authors' `epoch > 5` comes to.

Images are normalised by one mean and deviation, the averages of ImageNet's three, where the authors take one a channel.
"""

warm_epochs = 6
model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=114.495, std=57.63),
    backbone=dict(
        type='ResidualEncoder', widths=(16, 32, 64, 128, 256), blocks=(1, 2, 2, 2, 2), stem=True, xavier=False),
    neck=dict(
        type='ResidualUDecoder', in_channels=(16, 32, 64, 128, 256), blocks=(1, 2, 2, 2), attention=True),
    decode_head=dict(type='MultiScaleHead', in_channels=(16, 32, 64, 128), warm_epochs=warm_epochs),
    loss=dict(type='SLSLoss', centre='moment', warm_epochs=warm_epochs),
    supervision='mean')
# The multi-scale convolutions get no gradient while warming up, which several GPUs have to know.
find_unused_parameters = True
