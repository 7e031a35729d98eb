"""Weights of BasicIRSTD's ACM, and of its "ALCNet", which is ``askc_fpn`` here; LESPS releases such weights."""

from torch import Tensor

from .acm_pytorch import Rules, fusion_rules, stage_rules
from .sources import BY_DATA, renamed, source

__all__ = ['convert_acm', 'convert_alcnet']

BLOCK = {'conv1': 'body.0', 'bn1': 'body.1', 'conv2': 'body.3', 'bn2': 'body.4', 'downsample': 'shortcut'}
BACKBONE = {'layer1': 'backbone.stages.0', 'layer2': 'backbone.stages.1', 'layer3': 'backbone.stages.2'}
COMMON: Rules = [
    (r'stem\.', 'backbone.stem.'),
    *stage_rules(BACKBONE, BLOCK),
    (r'deconv1\.', 'neck.enlarge.0.'),
    (r'deconv2\.', 'neck.enlarge.1.'),
    (r'head\.block\.', 'decode_head.block.'),
]


def _bare(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names without the ``model.`` of the class that BasicIRSTD puts around every network."""
    return {name.removeprefix('model.'): tensor for name, tensor in state.items()}


@source('basicirstd-acm', repository='XinyiYing/BasicIRSTD', licence='none stated', statistics=BY_DATA)
def convert_acm(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """ACM-U-Net on one channel; its sigmoid is left to the loss and the prediction."""
    return renamed(_bare(state), [
        *COMMON, *stage_rules({'uplayer1': 'neck.stages.0', 'uplayer2': 'neck.stages.1'}, BLOCK),
        *fusion_rules({'fuse1': 0, 'fuse2': 1})])


@source('basicirstd-alcnet', repository='XinyiYing/BasicIRSTD', licence='none stated', statistics=BY_DATA)
def convert_alcnet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """ASKCResNetFPN on one channel; its two upward stages, which it never calls, are dropped."""
    return renamed(_bare(state), [
        *COMMON, (r'deconv0\.', 'neck.last.'), (r'uplayer[12]\.', None), *fusion_rules({'fuse12': 0, 'fuse23': 1})])
