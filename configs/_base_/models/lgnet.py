"""LGNet with the text-literal plan; `python tools/complexity.py configs/lgnet_irstd1k.py` counts it."""

model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=87.466, std=39.720),
    backbone=dict(type='RSUEncoder'),
    neck=dict(
        type='RSUDecoder',
        fusion=dict(type='ChannelFusion'),
        language_fusion=dict(type='LanguageFusion', descriptor_dim=512)),
    decode_head=dict(type='GatedOutputHead'),
    loss=dict(type='BCELoss'),
    target_descriptor=dict(
        type='TargetDescriptor',
        encoder=dict(type='OpenCLIPEncoder', model='ViT-B-16-quickgelu', pretrained='openai'),
        text='train'))
