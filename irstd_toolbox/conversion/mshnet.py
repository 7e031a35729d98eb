"""Weights of MSHNet."""

from torch import Tensor

from .dnanet import plain_names
from .grey import from_imagenet
from .sources import renamed, source

__all__ = ['convert']

RULES = [
    (r'conv_init\.', 'backbone.stem.'),
    (r'encoder_(\d)\.', r'backbone.stages.\1.'),
    (r'middle_layer\.', 'backbone.stages.4.'),
    (r'decoder_(\d)\.', r'neck.stages.\1.'),
    (r'output_(\d)\.', r'decode_head.sides.\1.'),
    (r'final\.', 'decode_head.final.'),
]


@source('mshnet', repository='Lliu666/MSHNet', licence='none stated')
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """MSHNet on RGB under ImageNet's statistics, re-expressed for ours: the same function of the grey image."""
    result = renamed(plain_names(state), RULES)
    names = 'backbone.stem.weight', 'backbone.stem.bias'
    result.update(zip(names, from_imagenet(*(result[name] for name in names)), strict=True))
    return result
