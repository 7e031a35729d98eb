"""ISNet in BasicIRSTD's form, one input channel; the edge map learns the gradient of the mask."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=87.466, std=39.720, channels=1),
    network=dict(type='ISNet'),
    loss=[dict(type='SoftIoULoss'), dict(type='EdgeLoss', bce_weight=10.0)])
