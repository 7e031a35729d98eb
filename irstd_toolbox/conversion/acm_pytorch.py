"""Weights of acm-pytorch: ACM-FPN and ACM-U-Net with quarter-size maps, in their three fusions."""

import torch
from torch import Tensor

from .grey import imagenet_from_grey
from .sources import renamed, source

__all__ = ['RULES', 'convert', 'fusion_rules', 'grey_stem', 'stage_rules']

EPS = 1e-5  # of batch norm, here and there

Rules = list[tuple[str, str | None]]


def stage_rules(stages: dict[str, str], parts: dict[str, str]) -> Rules:
    """Rules for the residual blocks: stages by official name and ours, the parts of a block likewise."""
    return [(rf'{theirs}\.(\d+)\.{part}\.', rf'{ours}.\1.{own}.')
            for theirs, ours in stages.items() for part, own in parts.items()]


def fusion_rules(levels: dict[str, int]) -> Rules:
    """Rules for the fusion blocks, by official name and level, and for the projection of the map that enters them."""
    return [rule for name, level in levels.items() for rule in (
        (rf'{name}\.feature_high\.', f'neck.project.{level}.'),
        (rf'{name}\.topdown\.', f'neck.fusions.{level}.top_down.'),
        (rf'{name}\.bottomup\.', f'neck.fusions.{level}.bottom_up.'),
        (rf'{name}\.post\.', f'neck.fusions.{level}.post.'))]


RULES: Rules = [
    (r'stem\.', 'backbone.stem.'),
    *stage_rules({'layer1': 'backbone.stages.0', 'layer2': 'backbone.stages.1', 'layer3': 'backbone.stages.2',
                  'uplayer1': 'neck.stages.0', 'uplayer2': 'neck.stages.1'},
                 {'body': 'body', 'downsample': 'shortcut'}),
    *fusion_rules({'fuse12': 0, 'fuse23': 1, 'fuse1': 0, 'fuse2': 1}),
    (r'deconv1\.', 'neck.enlarge.0.'),
    (r'deconv2\.', 'neck.enlarge.1.'),
    (r'head\.block\.', 'decode_head.block.'),
]


def grey_stem(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """``state`` with the statistics of the norm that the network begins with re-expressed in our input.

    Their input is RGB under ImageNet's statistics, ours grey under one mean and deviation, three times. The converted
    network computes the same function of the grey image, in test mode.
    """
    mean, var = (state[f'backbone.stem.0.running_{name}'] for name in ('mean', 'var'))
    scale, offset = imagenet_from_grey(mean)
    return state | {'backbone.stem.0.running_mean': (mean - offset) / scale,
                    'backbone.stem.0.running_var': torch.clamp((var + EPS) / scale**2 - EPS, min=0)}


@source('acm-pytorch', repository='Tianfang-Zhang/acm-pytorch', licence='MIT')
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """FPN and U-Net are told apart by their names."""
    return grey_stem(renamed(state, RULES))
