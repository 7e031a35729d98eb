"""Weights of BasicIRSTD's U-Net and ResUNet; their sigmoid is left to the loss and the prediction."""

from torch import Tensor

from .dnanet import plain_names
from .sources import BY_DATA, renamed, source

__all__ = ['convert_resunet', 'convert_unet']

UNET_RULES = [
    *((rf'Conv{stage + 1}\.conv\.', f'backbone.stages.{stage}.') for stage in range(5)),
    *((rf'Up{level + 2}\.up\.{theirs}\.', f'neck.reduce.{level}.{ours}.')
      for level in range(4) for ours, theirs in enumerate((1, 2))),
    *((rf'Up_conv{level + 2}\.conv\.', f'neck.stages.{level}.') for level in range(4)),
    (r'Conv\.', 'decode_head.conv.'),
]
RESUNET_RULES = [
    (r'conv(\d)_0\.', r'backbone.stages.\1.'),
    (r'conv(\d)_\d\.', r'neck.stages.\1.'),
    (r'final\.', 'decode_head.conv.'),
]


@source('basicirstd-unet', repository='XinyiYing/BasicIRSTD', licence='none stated', statistics=BY_DATA)
def convert_unet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """U-Net of 64 to 1024 channels."""
    return renamed(plain_names(state), UNET_RULES)


@source('basicirstd-resunet', repository='XinyiYing/BasicIRSTD', licence='none stated', statistics=BY_DATA)
def convert_resunet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """ResUNet of 16 to 128 channels."""
    return renamed(plain_names(state), RESUNET_RULES)
