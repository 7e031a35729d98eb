"""What converting UIU-Net, ILNet and ISTDU-Net does beyond giving other names."""

import pytest
import torch

from irstd_toolbox.conversion.istdunet import convert as convert_istdunet
from irstd_toolbox.conversion.rsu import convert_basicirstd_uiunet, convert_ilnet, convert_uiunet
from irstd_toolbox.errors import CheckpointError

FINEST = 'stage1d.rebnconvin.conv_s1.weight'


def test_uiunets_finest_decoder_reads_the_shallow_half_first() -> None:
    given = torch.arange(4.).view(1, 4, 1, 1)
    assert convert_uiunet({FINEST: given})['neck.stages.0.project.0.weight'].flatten().tolist() == [2, 3, 0, 1]


def test_basicirstds_wrapper_is_taken_off() -> None:
    given = {f'model.{FINEST}': torch.zeros(1, 4, 1, 1), 'model.outconv.bias': torch.ones(1)}
    assert list(convert_basicirstd_uiunet(given)) == ['neck.stages.0.project.0.weight', 'decode_head.final.bias']


def test_upward_layers_are_counted_from_the_bottom() -> None:
    given = {FINEST: torch.zeros(1, 4, 1, 1), 'stage3.rebnconv4d.conv_s1.bias': torch.ones(1),
             'stage3.rebnconv1d.bn_s1.bias': torch.ones(1)}
    assert list(convert_uiunet(given))[1:] == ['backbone.stages.2.up.0.0.bias', 'backbone.stages.2.up.3.1.bias']


def test_ilnets_norm_of_the_logits_goes_into_the_final_convolution() -> None:
    torch.manual_seed(0)
    conv, norm = torch.nn.Conv2d(6, 1, 1), torch.nn.BatchNorm2d(1)
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        tensor.data.uniform_(0.5, 2)
    given = {f'out_conv.{name}': value for name, value in conv.state_dict().items()}
    given |= {f'bn.{name}': value for name, value in norm.state_dict().items()}
    result = convert_ilnet(given)
    assert sorted(result) == ['decode_head.final.bias', 'decode_head.final.weight']
    x = torch.randn(2, 6, 3, 3)
    ours = torch.nn.functional.conv2d(x, result['decode_head.final.weight'], result['decode_head.final.bias'])
    torch.testing.assert_close(ours, norm.eval()(conv(x)))


def test_ilnets_gate_reads_the_finest_level_first() -> None:
    given = {'side543.weight': torch.zeros(1, 8, 3, 3), 'side543_cat.weight': torch.tensor([3., 2., 1.])[None, :, None]}
    assert convert_ilnet(given)['decode_head.gate.weight'].flatten().tolist() == [1, 2, 3]


@pytest.mark.parametrize(('gated', 'ours'), [(True, 'votes'), (False, 'sides')])
def test_ilnets_side_modules_count_from_the_bottom(gated: bool, ours: str) -> None:
    given = {'side_modules.0.bias': torch.zeros(1)} | ({'side543.weight': torch.zeros(1)} if gated else {})
    assert f'decode_head.{ours}.5.bias' in convert_ilnet(given)


def test_istdunets_second_head_is_dropped_and_an_unknown_name_is_not() -> None:
    assert convert_istdunet({'headDet.head.0.weight': torch.zeros(1)}) == {}
    with pytest.raises(CheckpointError, match="'headBox.head.0.weight' is not a name of this source"):
        convert_istdunet({'headBox.head.0.weight': torch.zeros(1)})
