"""RPCANet, 6 stages. Grey values over 255, the authors' code's input; soft IoU and a tenth of the squared difference
between the restored image and the input.
"""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=0.0, std=255.0, channels=1),
    network=dict(type='RPCANet'),
    loss=[dict(type='SoftIoULoss'), dict(type='ReconstructionLoss', loss_weight=0.1)])
