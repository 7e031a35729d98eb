"""Weights of RepISD-Net: the trained branches, the branches with converted central differences, the deployed form."""

from torch import Tensor

from .sources import renamed, source

__all__ = ['convert']

PLACES = [
    (r'backbone\.inc\.double_conv\.0\.', 'backbone.stem.0.0.'),
    (r'backbone\.inc\.double_conv\.1\.', 'backbone.stem.0.1.'),
    (r'backbone\.inc\.double_conv\.3\.', 'backbone.stem.1.0.'),
    (r'backbone\.inc\.double_conv\.4\.', 'backbone.stem.1.1.'),
    (r'backbone\.down1\.maxpool_conv\.1\.double_conv', 'backbone.stages.0'),
    (r'backbone\.down2\.maxpool_conv\.1\.double_conv', 'backbone.stages.1'),
    (r'backbone\.up3\.conv\.double_conv', 'neck.stages.1'),
    (r'backbone\.up4\.conv\.double_conv', 'neck.stages.0'),
    (r'ppm\.features', 'decode_head.pyramid'),
    (r'cls', 'decode_head.classifier'),
]
# Files of before the rename have rbr_pdc.conv_pdc.
_DIFFERENCE = r'(.*)\.rbr_(?:cdc|pdc)\.conv_(?:cdc|pdc)\.'
BRANCHES = [
    (r'(.*)\.rbr_dense\.conv', r'\1.plain.0'),
    (r'(.*)\.rbr_dense\.bn', r'\1.plain.1'),
    (_DIFFERENCE + 'conv1', r'\1.difference.0'),
    (_DIFFERENCE + 'bn1', r'\1.difference.1'),
    (_DIFFERENCE + 'conv2', r'\1.pointwise.0'),
    (_DIFFERENCE + 'bn2', r'\1.pointwise.1'),
    (r'(.*)\.rbr_identity', r'\1.identity'),
    (r'(.*)\.rbr_reparam', r'\1.fused'),
    (r'', ''),
]


@source('repisd', repository='dalinlin-Wu/RepISD-Net', licence='none stated')
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The first of the two classes, which nothing reads, is left out.

    A file whose central differences were converted to plain kernels fits the trained form as it is: such kernels sum
    to zero, so that taking their centre's sum off once more changes nothing.
    """
    weights = renamed(renamed(state, PLACES), BRANCHES)
    for name in ('decode_head.classifier.4.weight', 'decode_head.classifier.4.bias'):
        if name in weights:
            weights[name] = weights[name][1:].clone()
    return weights
