"""Weights of the networks of residual U-blocks: UIU-Net, of its authors and of BasicIRSTD, and ILNet."""

import torch
from torch import Tensor

from .sources import BY_DATA, renamed, source

__all__ = ['convert_basicirstd_uiunet', 'convert_ilnet', 'convert_uiunet']

EPS = 1e-5  # of batch norm, here and there

HEIGHTS = {'1': 7, '2': 6, '3': 5, '4': 4, '5': 4, '6': 4}
"""Layers of UIU-Net's blocks by the number of their level."""


def _uiunet_rules() -> list[tuple[str, str | None]]:
    rules = []
    levels = {f'stage{n}': (f'backbone.stages.{int(n) - 1}', height) for n, height in HEIGHTS.items() if n != '6'}
    levels |= {f'stage{n}d': (f'neck.stages.{int(n) - 1}', height) for n, height in HEIGHTS.items() if n != '6'}
    levels['stage6'] = ('neck.stages.5', HEIGHTS['6'])
    for theirs, (ours, height) in levels.items():
        blocks = {'in': 'project'} | {f'{i + 1}': f'down.{i}' for i in range(height)}
        blocks |= {f'{height - 1 - i}d': f'up.{i}' for i in range(height - 1)}
        rules += [(rf'{theirs}\.rebnconv{block}\.{layer}_s1\.', f'{ours}.{own}.{index}.')
                  for block, own in blocks.items() for layer, index in (('conv', 0), ('bn', 1))]
    parts = {r'feature_high': 'project', 'topdown': 'channel', r'bottomup\.3\.conv1': 'spatial', 'bottomup': 'squeeze',
             'post': 'post'}
    rules += [(rf'fuse{level + 1}\.{theirs}\.', f'neck.fusions.{level}.{ours}.')
              for level in range(1, 5) for theirs, ours in parts.items()]
    return [*rules, *((rf'side{i + 1}\.', f'decode_head.sides.{i}.') for i in range(6)),
            (r'outconv\.', 'decode_head.final.')]


@source('uiunet', repository='danfenghong/IEEE_TIP_UIU-Net', licence='GPL-3.0')
def convert_uiunet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """UIU-Net on three channels. Its finest decoder reads the deep map before the shallow one, ours after it."""
    result = renamed(state, _uiunet_rules())
    finest = 'neck.stages.0.project.0.weight'
    deep, shallow = result[finest].chunk(2, dim=1)
    result[finest] = torch.cat([shallow, deep], dim=1)
    return result


@source('basicirstd-uiunet', repository='XinyiYing/BasicIRSTD', licence='none stated', statistics=BY_DATA)
def convert_basicirstd_uiunet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """UIU-Net on one channel, under the names of its authors."""
    return convert_uiunet({name.removeprefix('model.'): tensor for name, tensor in state.items()})


def _ilnet_rules(gated: bool) -> list[tuple[str, str | None]]:
    stages = {f'encode_modules.{i}': f'backbone.stages.{i}' for i in range(5)} | {'encode_modules.5': 'neck.stages.5'}
    stages |= {f'decode_modules.{i}': f'neck.stages.{4 - i}' for i in range(5)}
    blocks = ((r'conv_in', 'project'), (r'encode_modules\.(\d)', r'down.\1'), (r'decode_modules\.(\d)', r'up.\1'))
    rules = [(rf'{theirs}\.{block}\.{layer}\.', rf'{ours}.{own}.{index}.') for theirs, ours in stages.items()
             for block, own in blocks for layer, index in (('conv', 0), ('bn', 1))]
    parts = {'conv_1': 'position', 'conv_2': 'value', 'conv_up': 'excite', 'conv_3': 'query', 'conv_4': 'key',
             'DODA': 'aggregate', 'out': 'expand'}
    rules += [(rf'ipof_modules\.{i}\.{theirs}\.', f'neck.fusions.{4 - i}.{ours}.')
              for i in range(5) for theirs, ours in parts.items()]
    heads = {'side_modules': 'votes', 'loss_modules': 'sides'} if gated else {'side_modules': 'sides'}
    rules += [(rf'{theirs}\.{i}\.', f'decode_head.{ours}.{5 - i}.')
              for i in range(6) for theirs, ours in heads.items()]
    return [*rules, (r'side543_cat\.', 'decode_head.gate.'), (r'side543\.', 'decode_head.saliency.'),
            (r'out_conv\.', 'decode_head.final.'), (r'bn\.', 'norm.')]


@source('ilnet', repository='Li-Haoqing/ILNet', licence='MIT')
def convert_ilnet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """ILNet-S, -M and -L, told apart by their names; the batch norm that follows the logits goes into them.

    The three channels' statistics that its authors normalise NUAA-SIRST with differ by 0.25 grey levels at most; the
    configs take their mean.
    """
    result = renamed(state, _ilnet_rules(gated='side543.weight' in state))
    if 'decode_head.gate.weight' in result:  # theirs reads the deepest of the shallow levels first
        result['decode_head.gate.weight'] = result['decode_head.gate.weight'].flip(1)
    norm = {name.removeprefix('norm.'): result.pop(name) for name in list(result) if name.startswith('norm.')}
    if norm:
        factor = norm['weight'] / torch.sqrt(norm['running_var'] + EPS)
        result['decode_head.final.weight'] = result['decode_head.final.weight'] * factor
        result['decode_head.final.bias'] = (
            (result['decode_head.final.bias'] - norm['running_mean']) * factor + norm['bias'])
    return result
