"""Weights of the authors' own ACM and ALCNet, which are MXNet's: the forms that keep full-size maps."""

import re

from torch import Tensor

from .acm_pytorch import RULES, grey_stem
from .sources import renamed, source

__all__ = ['convert_acm', 'convert_alcnet']

CONTRAST = [
    (r'dec_c2\.', 'neck.project.0.'),
    (r'dec_c3\.', 'neck.project.1.'),
    *((rf'bottomuplocal_fpn_{level + 1}\.{theirs}\.', f'neck.fusions.{level}.{ours}.') for level in (0, 1)
      for theirs, ours in (('bn1', 'high_norm'), ('bn2', 'low_norm'), ('bottomup_att', 'bottom_up'))),
]


def _torch_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Batch norm's scale and shift under PyTorch's names."""
    return {re.sub(r'\.gamma$', '.weight', re.sub(r'\.beta$', '.bias', name)): tensor for name, tensor in state.items()}


@source('open-acm', repository='YimianDai/open-acm', licence='none stated')
def convert_acm(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """ACM-U-Net tiny. Its first norm has a fixed scale of 1 and shift of 0, which the file holds as such."""
    return grey_stem(renamed(_torch_names(state), RULES))


@source('open-alcnet', repository='YimianDai/open-alcnet', licence='none stated')
def convert_alcnet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """ALCNet with bottom-up local attention; its shifts (``scale_mode``) are not in the file but in the config."""
    return grey_stem(renamed(_torch_names(state), [*RULES, *CONTRAST]))
