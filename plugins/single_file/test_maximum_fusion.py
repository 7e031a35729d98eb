"""The fusion block of the one-file plugin, inside LGNet's decoder by its name alone."""

from pathlib import Path

import torch

from irstd_toolbox.plugins import load_plugins
from irstd_toolbox.registry import FUSION_BLOCKS, MODELS

load_plugins(Path(__file__).parent)


def test_the_larger_scaled_map_is_kept():
    block = FUSION_BLOCKS.build(dict(type='MaximumFusion', channels=2))
    with torch.no_grad():
        block.high_scale[1] = 3.0
    low, high = torch.full((1, 2, 1, 1), 2.0), torch.ones(1, 2, 1, 1)
    assert block(low, high).flatten().tolist() == [2.0, 3.0]


def test_a_config_puts_it_into_the_decoder():
    plan = ((3, 4, 8), (3, 4, 8), (3, 4, 8))
    neck = MODELS.build(dict(
        type='RSUDecoder', in_channels=(8, 8), stages=plan, fusion=dict(type='MaximumFusion')))
    maps = neck([torch.rand(2, 8, 32, 24), torch.rand(2, 8, 16, 12)])
    assert [tuple(x.shape) for x in maps[:2]] == [(2, 8, 32, 24), (2, 8, 16, 12)]
    assert {type(block).__name__ for block in neck.fusions} == {'MaximumFusion'}
