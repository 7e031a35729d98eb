"""UIU-Net: U2-Net's encoder and decoder, interactive-cross attention at four of five levels, side outputs.

Images are normalised as the authors do grey ones, by the first of ImageNet's means and deviations; they also divide
each image by its own maximum, which is left out here.
"""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=123.675, std=58.395),
    backbone=dict(
        type='RSUEncoder',
        stages=((7, 32, 64), (6, 32, 128), (5, 64, 256), (4, 128, 512), ('4F', 256, 512)),
        bias=True),
    neck=dict(
        type='RSUDecoder',
        in_channels=(64, 128, 256, 512, 512),
        stages=((7, 16, 64), (6, 32, 64), (5, 64, 128), (4, 128, 256), ('4F', 256, 512), ('4F', 256, 512)),
        fusion=dict(type='InteractiveCrossAttention'),
        finest_fusion=dict(type='SumFusion', merge='concat'),
        bias=True),
    decode_head=dict(type='SideOutputHead', in_channels=(64, 64, 128, 256, 512, 512)),
    loss=dict(type='BCELoss'))
