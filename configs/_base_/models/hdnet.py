"""HDNet with SLS loss as its authors' code has it; six epochs of warm-up, as their `epoch > 5` comes to.

Images are normalised by one mean and deviation, the averages of ImageNet's three, where the authors take one a channel.
"""

warm_epochs = 6
model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=114.495, std=57.63),
    network=dict(type='HDNet', warm_epochs=warm_epochs),
    loss=dict(type='SLSLoss', centre='moment', image_weight='area', warm_epochs=warm_epochs),
    supervision='mean')
# The multi-scale convolutions and the gate get no gradient while warming up, which several GPUs have to know.
find_unused_parameters = True
