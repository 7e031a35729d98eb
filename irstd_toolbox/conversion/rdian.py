"""Weights of RDIAN: the authors' and BasicIRSTD's, which have the same names and other statistics of the input."""

from torch import Tensor

from .sources import BY_DATA, renamed, source

__all__ = ['convert', 'convert_basicirstd']

RULES: list[tuple[str, str | None]] = [
    (r'd1[1-8]\.weight', None),
    (r'conv1\.', 'network.shallow.'),
    (r'conv2\.', 'network.down.'),
    (r'conv_cat\.', 'network.merge.'),
    (r'conv_res\.', 'network.skip.'),
    (r'residual_block(\d)\.(\d+)\.layer1\.', r'network.fields.\1.\2.layers.0.'),
    (r'residual_block(\d)\.(\d+)\.layer2\.', r'network.fields.\1.\2.layers.1.'),
    (r'cbam\.ChannelGate\.mlp\.1\.', 'network.attention.channel.0.'),
    (r'cbam\.ChannelGate\.mlp\.3\.', 'network.attention.channel.2.'),
    (r'cbam\.SpatialGate\.spatial\.conv\.', 'network.attention.spatial.0.'),
    (r'cbam\.SpatialGate\.spatial\.bn\.', 'network.attention.spatial.1.'),
    (r'head\.', 'network.head.'),
]


@source('rdian', repository='sun11999/RDIAN', licence='MIT')
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The eight kernels of directions, which were never trained, are a constant of the network here."""
    return renamed(state, RULES)


@source('basicirstd-rdian', repository='XinyiYing/BasicIRSTD', licence='none stated', statistics=BY_DATA)
def convert_basicirstd(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the ``model.`` of the class around every network."""
    return convert({name.removeprefix('model.'): tensor for name, tensor in state.items()})
