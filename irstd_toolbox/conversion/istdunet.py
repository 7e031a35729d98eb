"""Weights of BasicIRSTD's ISTDU-Net; its sigmoid is left to the loss and the prediction."""

from torch import Tensor

from .sources import BY_DATA, renamed, source

__all__ = ['convert']

BLOCK = {
    r'conv1': 'reduce.0', r'bn1': 'reduce.1', r'conv2\.conv': 'split.conv.0', r'conv2\.bn0': 'split.conv.1',
    r'conv2\.fc1': 'split.attend.0', r'conv2\.bn1': 'split.attend.1', r'conv2\.fc2': 'split.attend.3',
    r'conv3': 'widen.0', r'bn3': 'widen.1', r'downsample': 'shortcut',
}
SKIP = {'conv1': 'project', 'linear_0': 'keys', 'linear_1': 'values', 'conv2': 'out'}
RULES = [
    (r'down\.stem\.', 'backbone.stem.'),
    *((rf'down\.down\.layer{i + 1}\.(\d)\.{theirs}\.', rf'backbone.stages.{i}.\1.{ours}.')
      for i in range(4) for theirs, ours in BLOCK.items()),
    *((rf'DN\.X{i + 1}\.{theirs}\.', f'neck.skips.{i}.{ours}.') for i in range(4) for theirs, ours in SKIP.items()),
    *((rf'up\.up{i}\.', f'neck.narrow.{3 - i}.') for i in (1, 2, 3)),
    (r'headSeg\.head\.', 'decode_head.layers.'),
    (r'headDet\.', None),
]


@source('basicirstd-istdunet', repository='XinyiYing/BasicIRSTD', licence='none stated', statistics=BY_DATA)
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """ISTDU-Net on one channel; its second head, which it never calls, is dropped."""
    return renamed({name.removeprefix('model.'): tensor for name, tensor in state.items()}, RULES)
