"""LGNet on NUAA-SIRST in mmengine's pure-Python style, where a type is a class; the same run as ../lgnet_nuaa_sirst.py.

The two styles cannot be mixed in one chain of bases; the others here are classic, so that names, plugins and
``--cfg-options`` work alike.
"""

from mmengine.config import read_base

with read_base():
    from ._base_.nuaa_sirst import *

from irstd_toolbox.models import (
    BCELoss,
    ChannelFusion,
    GatedOutputHead,
    IRSTDDataPreprocessor,
    IRSTDSegmentor,
    LanguageFusion,
    OpenCLIPEncoder,
    RSUDecoder,
    RSUEncoder,
    TargetDescriptor,
)

model = dict(
    type=IRSTDSegmentor,
    data_preprocessor=dict(type=IRSTDDataPreprocessor, mean=101.064, std=34.620),
    backbone=dict(type=RSUEncoder),
    neck=dict(
        type=RSUDecoder,
        fusion=dict(type=ChannelFusion),
        language_fusion=dict(type=LanguageFusion, descriptor_dim=512)),
    decode_head=dict(type=GatedOutputHead),
    loss=dict(type=BCELoss),
    target_descriptor=dict(
        type=TargetDescriptor,
        encoder=dict(type=OpenCLIPEncoder, model='ViT-B-16-quickgelu', pretrained='openai'),
        text='train'))
