"""What was trained under ImageNet's statistics, re-expressed for one grey mean and deviation."""

from torch import Tensor

__all__ = ['GREY_MEAN', 'GREY_STD', 'from_imagenet', 'imagenet_from_grey']

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GREY_MEAN, GREY_STD = 114.495, 57.63
"""The averages of ``255 * MEAN`` and ``255 * STD``: what the configs of such networks normalise with."""


def imagenet_from_grey(like: Tensor) -> tuple[Tensor, Tensor]:
    """Scale ``s`` and offset ``t``, ``(3,)`` each: their input is ``s_c x + t_c`` where ours is ``x``, three times."""
    mean, std = like.new_tensor(MEAN), like.new_tensor(STD)
    return GREY_STD / 255 / std, (GREY_MEAN / 255 - mean) / std


def from_imagenet(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    r"""Weights ``(O, 3, k, k)`` and bias ``(O,)`` that do on our input what the given ones do on theirs.

    With :math:`s` and :math:`t` of :func:`imagenet_from_grey`:

    .. math::
        W'_{oc} = s_c W_{oc},\quad b'_o = b_o + \sum_{c,k} t_c W_{ock}

    Note:
        Padding is 0 in their input and in ours, which are two grey values: where a kernel leaves the image, the results
        differ. A 1x1 convolution has no such place.
    """
    scale, offset = imagenet_from_grey(weight)
    return weight * scale[:, None, None], bias + weight.sum((2, 3)) @ offset
