"""RDIAN, one input channel, normalised by the two numbers of the authors' script."""

model = dict(
    type='IRSTDSegmentor',
    # The script's -0.1246 and 1.0923 are for grey values up to 1.
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=-0.1246 * 255, std=1.0923 * 255, channels=1),
    network=dict(type='RDIAN'),
    loss=dict(type='SoftIoULoss'))
