"""Weights of HDNet."""

from torch import Tensor

from .dnanet import plain_names
from .grey import from_imagenet
from .sources import renamed, source

__all__ = ['convert']

_PARTS = {
    'inconv': 'enter', 'conv1': 'contrast', 'conv2': 'wide_contrast', r'conv3\.0': 'mean', r'conv4\.0': 'wide_ring',
    r'conv5\.0': 'norm', 'outconv': 'fuse'}
RULES = [
    (r'conv_init\.', 'network.encoder.stem.'),
    (r'py_init\.0\.', 'network.entry.'),
    (r'encoder_\d\.0\.(channel|spatial)\.', None),  # held, but never called
    *((rf'encoder_(\d)\.0\.{theirs}\.', rf'network.encoder.stages.\1.0.{ours}.') for theirs, ours in _PARTS.items()),
    (r'encoder_(\d)\.', r'network.encoder.stages.\1.'),
    (r'decoder_(\d)\.', r'network.decoder.stages.\1.'),
    (r'output_(\d)\.', r'network.head.sides.\1.'),
    (r'final\.', 'network.head.final.'),
]


@source('hdnet', repository='xumingzhu989/HDNet-TGRS', licence='none stated')
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """HDNet on RGB under ImageNet's statistics, re-expressed for ours; the gate's outermost pixels differ a little."""
    plain = {name.replace('middle_layer.', 'encoder_4.'): tensor for name, tensor in plain_names(state).items()}
    result = renamed(plain, RULES)
    for layer in ('encoder.stem', 'entry.conv1', 'entry.shortcut.0'):
        names = [f'network.{layer}.{kind}' for kind in ('weight', 'bias')]
        result.update(zip(names, from_imagenet(*(result[name] for name in names)), strict=True))
    return result
