"""RepISD-Net's weight files: old names, two classes, three forms."""

import torch

from irstd_toolbox.conversion.repisd import convert


def test_files_of_before_the_rename_are_read_too() -> None:
    names = {'rbr_cdc.conv_cdc.conv1.weight': 'difference.0.weight', 'rbr_pdc.conv_pdc.bn1.bias': 'difference.1.bias',
             'rbr_pdc.conv_pdc.conv2.bias': 'pointwise.0.bias', 'rbr_cdc.conv_cdc.bn2.weight': 'pointwise.1.weight'}
    state = {f'backbone.up3.conv.double_conv.1.{name}': torch.ones(1) for name in names}
    assert list(convert(state)) == [f'neck.stages.1.1.{name}' for name in names.values()]


def test_the_second_class_is_the_answer() -> None:
    state = {'cls.4.weight': torch.tensor([[1., 2.], [3., 4.]])[:, :, None, None], 'cls.4.bias': torch.tensor([5., 6.])}
    found = convert(state)
    assert found['decode_head.classifier.4.weight'].flatten().tolist() == [3., 4.]
    assert found['decode_head.classifier.4.bias'].tolist() == [6.]


def test_the_deployed_form_has_its_own_names() -> None:
    assert list(convert({'backbone.down1.maxpool_conv.1.double_conv.0.rbr_reparam.bias': torch.ones(1)})) == [
        'backbone.stages.0.0.fused.bias']
