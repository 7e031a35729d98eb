"""One paper, one file; importing this package registers them all."""

from . import (
    acm,
    agpcnet,
    alcnet,
    askc_fpn,
    dnanet,
    hdnet,
    ilnet,
    isnet,
    istdunet,
    l2sknet,
    lgnet,
    mdvsfa,
    mshnet,
    rdian,
    repisd,
    residual,
    rpcanet,
    rpcanet_plus,
    sctransnet,
    uiunet,
    unet,
)

__all__ = [
    'acm', 'agpcnet', 'alcnet', 'askc_fpn', 'dnanet', 'hdnet', 'ilnet', 'isnet', 'istdunet', 'l2sknet', 'lgnet',
    'mdvsfa', 'mshnet', 'rdian', 'repisd', 'residual', 'rpcanet', 'rpcanet_plus', 'sctransnet', 'uiunet', 'unet',
]
