"""Weights that were trained under ImageNet's statistics give the same on a grey image under ours."""

import pytest
import torch
import torch.nn.functional as F

from irstd_toolbox.conversion.grey import GREY_MEAN, GREY_STD, from_imagenet

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@pytest.fixture
def images() -> tuple[torch.Tensor, torch.Tensor]:
    """A grey image of 0..255 as their input and as ours."""
    grey = 255 * torch.rand(1, 1, 6, 5)
    theirs = (grey.expand(-1, 3, -1, -1) / 255 - MEAN[:, None, None]) / STD[:, None, None]
    return theirs, ((grey - GREY_MEAN) / GREY_STD).expand(-1, 3, -1, -1)


@pytest.mark.parametrize('kernel', [1, 3])
def test_a_re_expressed_convolution_gives_the_same_where_it_does_not_leave_the_image(images, kernel):
    theirs, ours = images
    weight, bias = torch.randn(4, 3, kernel, kernel), torch.randn(4)
    expected = F.conv2d(theirs, weight, bias)
    torch.testing.assert_close(F.conv2d(ours, *from_imagenet(weight, bias)), expected, rtol=1e-4, atol=1e-4)
