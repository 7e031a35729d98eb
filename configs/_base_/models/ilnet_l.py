"""ILNet-L: residual U-blocks, IPOF at every level, plain side outputs. LGNet's trunk is this one."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=72.549, std=58.346),
    backbone=dict(type='RSUEncoder', stages=((7, 16, 64), (6, 16, 64), (5, 32, 64), (4, 32, 128), ('4F', 32, 128))),
    neck=dict(
        type='RSUDecoder',
        in_channels=(64, 64, 64, 128, 128),
        stages=((7, 16, 64), (6, 16, 64), (5, 32, 64), (4, 32, 64), ('4F', 64, 128), ('4F', 64, 128)),
        fusion=dict(type='IPOFFusion')),
    decode_head=dict(type='SideOutputHead', in_channels=(64, 64, 64, 64, 128, 128)),
    loss=dict(type='BCELoss'))
