"""The network that BasicIRSTD calls ALCNet."""

import torch

from irstd_toolbox.models.networks.askc_fpn import ASKCFPNNeck


def test_its_finest_map_is_enlarged_once_more_and_nothing_is_refined_between() -> None:
    torch.manual_seed(0)
    neck = ASKCFPNNeck(fusion=dict(type='SumFusion')).eval()
    fine, middle, deep = torch.randn(1, 16, 8, 8), torch.randn(1, 32, 4, 4), torch.randn(1, 64, 2, 2)
    second = middle + neck.enlarge[1](deep)
    first = fine + neck.enlarge[0](second)
    torch.testing.assert_close(neck([fine, middle, deep]), [neck.last(first), first, second])
