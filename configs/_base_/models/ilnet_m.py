"""ILNet-M: 64 channels everywhere, 16 inside the blocks; the representative block gates the deep outputs."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=72.549, std=58.346),
    backbone=dict(type='RSUEncoder', stages=((7, 16, 64), (6, 16, 64), (5, 16, 64), (4, 16, 64), ('4F', 16, 64))),
    neck=dict(
        type='RSUDecoder',
        in_channels=(64, 64, 64, 64, 64),
        stages=((7, 16, 64), (6, 16, 64), (5, 16, 64), (4, 16, 64), ('4F', 16, 64), ('4F', 16, 64)),
        fusion=dict(type='IPOFFusion')),
    decode_head=dict(type='RepresentativeHead', in_channels=(64, 64, 64, 64, 64, 64)),
    loss=dict(type='BCELoss'))
