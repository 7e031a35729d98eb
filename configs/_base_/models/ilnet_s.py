"""ILNet-S: 8 channels everywhere, 4 inside the blocks; the representative block gates the deep outputs."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=72.549, std=58.346),
    backbone=dict(type='RSUEncoder', stages=((7, 4, 8), (6, 4, 8), (5, 4, 8), (4, 4, 8), ('4F', 4, 8))),
    neck=dict(
        type='RSUDecoder',
        in_channels=(8, 8, 8, 8, 8),
        stages=((7, 4, 8), (6, 4, 8), (5, 4, 8), (4, 4, 8), ('4F', 4, 8), ('4F', 4, 8)),
        fusion=dict(type='IPOFFusion')),
    decode_head=dict(type='RepresentativeHead', in_channels=(8, 8, 8, 8, 8, 8)),
    loss=dict(type='BCELoss'))
