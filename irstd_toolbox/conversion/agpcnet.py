"""Weights of AGPCNet."""

from torch import Tensor

from .grey import from_imagenet
from .sources import renamed, source

__all__ = ['convert']

RULES: list[tuple[str, str | None]] = [
    (r'backbone\.conv1\.', 'backbone.stem.0.'),
    (r'backbone\.bn1\.', 'backbone.stem.1.'),
    *((rf'backbone\.layer{stage + 1}\.', f'backbone.stages.{stage}.') for stage in range(4)),
    *((rf'{fuse}\.{part}', ours) for fuse, level in (('fuse12', 0), ('fuse23', 1)) for part, ours in (
        (r'plus_conv\.', f'neck.projections.{level}.'),
        (r'pa\.', f'neck.fusions.{level}.pixel_weights.'),
        (r'ca\.1\.', f'neck.fusions.{level}.channel_weights.0.'),
        (r'ca\.2\.', f'neck.fusions.{level}.channel_weights.1.'),
        (r'ca\.4\.', f'neck.fusions.{level}.channel_weights.3.'),
        (r'ca\.5\.', f'neck.fusions.{level}.channel_weights.4.'),
        (r'end_conv\.', f'neck.fusions.{level}.mix.'))),
    (r'context\.conv1\.', 'neck.pyramid.reduce.'),
    (r'context\.conv2\.', 'neck.pyramid.expand.'),
    (r'context\.scale_list\.(\d+)\.gamma', r'neck.pyramid.blocks.\1.beta'),
    (r'context\.scale_list\.(\d+)\.conv\.', r'neck.pyramid.blocks.\1.mix.'),
    (r'context\.scale_list\.(\d+)\.attention\.conv_att\.', r'neck.pyramid.blocks.\1.between.weigh.'),
    *((rf'context\.scale_list\.(\d+)\.{theirs}\.{part}', rf'neck.pyramid.blocks.\1.{ours}.{name}')
      for theirs, ours in (('non_local', 'inside'), (r'attention\.non_local_att', 'between.attention'))
      for part, name in (('gamma', 'gamma'), ('query_conv', 'query'), ('key_conv', 'key'), ('value_conv', 'value'))),
    (r'head\.block\.', 'decode_head.layers.'),
]


@source('agpcnet', repository='Tianfang-Zhang/AGPCNet', licence='MIT')
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' networks with any scales, where the config names the same.

    Their input is RGB under ImageNet's statistics, ours grey under one mean and deviation, three times: the first
    convolution and the mean of the norm behind it are re-expressed in ours. In test mode the first norm's output is
    the same, but for three pixels along the image's border, where the convolution sees padding.
    """
    result = renamed(state, RULES)
    mean = result['backbone.stem.1.running_mean']
    # The convolution has no bias, so what it would gain is taken off the norm's mean.
    kernel, gained = from_imagenet(result['backbone.stem.0.weight'], mean.new_zeros(len(mean)))
    result['backbone.stem.0.weight'] = kernel
    result['backbone.stem.1.running_mean'] = mean - gained
    return result
