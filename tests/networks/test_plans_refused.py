"""Widths, kernels and readings that build, and would fail or change nothing in use, are refused where they are told."""

from collections.abc import Callable

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.complexity import complexity
from irstd_toolbox.models.data_preprocessor import IRSTDDataPreprocessor
from irstd_toolbox.models.model_driven.ranked_contrast import RLCM
from irstd_toolbox.models.networks.agpcnet import AsymmetricFusion, ContextPyramidNeck, UnpooledResNet
from irstd_toolbox.models.networks.alcnet import ALCNetNeck, BottomUpLocalFusion
from irstd_toolbox.models.networks.hdnet import ContrastEncoder, HDNet
from irstd_toolbox.models.networks.isnet import TwoOrientationFusion
from irstd_toolbox.models.networks.istdunet import ISTDUEncoder
from irstd_toolbox.models.networks.l2sknet import SaliencyStage
from irstd_toolbox.models.networks.lgnet import GatedOutputHead, RSUDecoder
from irstd_toolbox.models.networks.rdian import BottleneckBlock
from irstd_toolbox.models.networks.repisd import RepISDHead


@pytest.mark.parametrize(('make', 'words'), [
    (lambda: GatedOutputHead(kernel_size=2), r'GatedOutputHead\(kernel_size=2\): an odd number from 1'),
    (lambda: TwoOrientationFusion(8, kernel_size=2), r'TwoOrientationFusion\(kernel_size=2\): an odd number from 1'),
    (lambda: BottleneckBlock(8, 4), r'BottleneckBlock\(kernel_size=4\): an odd number from 1'),
    (lambda: RSUDecoder(bottom_stride=16, align='down'), "at 16 both maps are of one size, 'down'"),
    (lambda: UnpooledResNet((2, 0, 2, 2)), r'UnpooledResNet\(blocks=0\): a number of at least 1'),
    (lambda: ContrastEncoder(blocks=(1, 0, 2, 2, 2)), r'ContrastEncoder\(blocks=0\): a number of at least 1'),
    (lambda: HDNet(shares=(0.1, 0.2, 0.4, -1)), r'HDNet\(shares=-1\): a number of at least 0'),
    (lambda: ContextPyramidNeck(scales='abc'), r"ContextPyramid\(scales='a'\): a number of at least 1"),
    (lambda: RepISDHead(bins=(1, 2, 3, 0)), r'RepISDHead\(bins=0\): a number of at least 1'),
    (lambda: BottomUpLocalFusion(8, reduction=-1), r'ContextGate\(reduction=-1\): a number of at least 1'),
    (lambda: ISTDUEncoder(widths=(8, 8), depths=(1, 0)), r'ISTDUEncoder\(depths=0\): a number of at least 1'),
    (lambda: AsymmetricFusion(2), r'AsymmetricFusion\(channels=2\): a number of at least 4'),
    (lambda: SaliencyStage(3, ((3, 1),)), r'SaliencyStage\(channels=3\): a number of at least 4'),
    (lambda: ALCNetNeck(shifts=(1.5,)), 'shift of 1 or more, a whole number'),
    (lambda: RLCM(counts=((2.5, 4),)), 'pairs of whole numbers from 1 to 81'),
    (lambda: IRSTDDataPreprocessor(std=float('nan')), 'finite numbers, the second above 0'),
    (lambda: IRSTDDataPreprocessor(mean=float('inf')), 'finite numbers, the second above 0')])
def test_a_plan_that_would_fail_in_use_is_refused(make: Callable, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


def test_operations_are_those_of_the_padded_image() -> None:
    model = dict(type='IRSTDSegmentor', data_preprocessor=dict(type='IRSTDDataPreprocessor', channels=1, divisor=32),
                 network=dict(type='RDIAN'))
    counted = [complexity(model, size)['macs'] for size in ((33, 40), (64, 64), (65, 64))]
    assert counted[0] == counted[1] < counted[2]
