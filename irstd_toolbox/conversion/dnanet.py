"""Weights of DNANet, of its authors and of BasicIRSTD."""

from torch import Tensor

from .grey import from_imagenet
from .sources import BY_DATA, renamed, source

__all__ = ['convert', 'convert_basicirstd', 'plain_names']

RULES = [
    (r'conv(\d)_0\.', r'backbone.stages.\1.'),
    (r'conv0_4_final\.', 'decode_head.fuse.'),
    *((rf'conv0_{level}_1x1\.', f'decode_head.reduce.{level - 1}.') for level in (1, 2, 3, 4)),
    (r'conv(\d_\d)\.', r'neck.nodes.\1.stage.'),
    (r'final4\.', 'decode_head.final.'),
    *((rf'final{j}\.', f'decode_head.sides.{j - 1}.') for j in (1, 2, 3)),
]


def plain_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names without the ``model.`` of BasicIRSTD's wrapper, and with our words for the two attentions of a block."""
    return {name.removeprefix('model.').replace('.ca.fc', '.channel.fc').replace('.sa.conv1.', '.spatial.conv.'): tensor
            for name, tensor in state.items()}


@source('basicirstd-dnanet', repository='XinyiYing/BasicIRSTD', licence='none stated', statistics=BY_DATA)
def convert_basicirstd(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """DNANet on one channel; its sigmoid is left to the loss and the prediction."""
    return renamed(plain_names(state), RULES)


@source('dnanet', repository='YeRen123455/Infrared-Small-Target-Detection', licence='MIT')
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """DNANet on RGB under ImageNet's statistics, re-expressed for ours; the outermost pixels differ a little."""
    result = renamed(plain_names(state), RULES)
    for layer in ('conv1', 'shortcut.0'):
        names = [f'backbone.stages.0.0.{layer}.{kind}' for kind in ('weight', 'bias')]
        result.update(zip(names, from_imagenet(*(result[name] for name in names)), strict=True))
    return result
