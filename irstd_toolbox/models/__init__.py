"""Networks and their parts; importing this package registers them."""

from .clip import OpenCLIPEncoder
from .contrastive_clip import ContrastiveCLIP
from .data_preprocessor import IRSTDDataPreprocessor
from .fusion import ChannelFusion, LanguageFusion, SumFusion
from .losses import BCELoss, DiceLoss, FocalLoss, SLSLoss, SoftIoULoss
from .networks.lgnet import GatedOutputHead, RSUDecoder, RSUEncoder
from .segmentor import IRSTDSegmentor
from .target_descriptor import TargetDescriptor

__all__ = [
    'BCELoss', 'ChannelFusion', 'ContrastiveCLIP', 'DiceLoss', 'FocalLoss', 'GatedOutputHead', 'IRSTDDataPreprocessor',
    'IRSTDSegmentor', 'LanguageFusion', 'OpenCLIPEncoder', 'RSUDecoder', 'RSUEncoder', 'SLSLoss', 'SoftIoULoss',
    'SumFusion', 'TargetDescriptor',
]
