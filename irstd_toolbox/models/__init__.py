"""Networks and their parts; importing this package registers them."""

from . import model_driven, networks
from .clip import OpenCLIPEncoder
from .contrastive_clip import ContrastiveCLIP
from .data_preprocessor import IRSTDDataPreprocessor
from .descriptor_fusion import (
    AdditiveLanguageFusion,
    ConcatLanguageFusion,
    CrossAttentionFusion,
    FiLMFusion,
    GatedLanguageFusion,
)
from .fusion import ChannelFusion, LanguageFusion, SumFusion
from .grounded_sam import GroundedSAM
from .grounded_sam_detector import GroundingDetector
from .grounded_sam_loss import BoxSetLoss
from .grounded_sam_segmenter import BoxSegmenter
from .logit_maps import LogitMaps
from .losses import BCELoss, DiceLoss, EdgeLoss, FocalLoss, SLSLoss, SoftIoULoss
from .networks.lgnet import GatedOutputHead, RSUDecoder, RSUEncoder
from .onnx_network import OnnxNetwork, SceneAlone
from .segmentor import IRSTDSegmentor
from .target_descriptor import TargetDescriptor

__all__ = [
    'AdditiveLanguageFusion', 'BCELoss', 'BoxSegmenter', 'BoxSetLoss', 'ChannelFusion', 'ConcatLanguageFusion',
    'ContrastiveCLIP', 'CrossAttentionFusion', 'DiceLoss', 'EdgeLoss', 'FiLMFusion', 'FocalLoss', 'GatedLanguageFusion',
    'GatedOutputHead', 'GroundedSAM', 'GroundingDetector', 'IRSTDDataPreprocessor', 'IRSTDSegmentor', 'LanguageFusion',
    'LogitMaps', 'OnnxNetwork', 'OpenCLIPEncoder', 'RSUDecoder', 'RSUEncoder', 'SLSLoss', 'SceneAlone', 'SoftIoULoss',
    'SumFusion', 'TargetDescriptor', 'model_driven', 'networks',
]
