"""RepISD-Net in the form that is trained. Mean and deviation are those that the authors' code trains NUAA-SIRST with,
.3546 and .2634 of 255; that code tests with .4287 and .2277, which their released weights need (109.3 and 58.1).
"""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=90.42, std=67.17),
    backbone=dict(type='RepISDEncoder', widths=(32, 64, 64)),
    neck=dict(type='RepISDDecoder', in_channels=(32, 64, 64)),
    decode_head=dict(type='RepISDHead', in_channels=32),
    loss=dict(type='DiceLoss'))
