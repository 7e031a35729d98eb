"""Official weights of the systems under ``configs/baselines``, read without executing anything and renamed to ours."""

from . import (
    acm_pytorch,
    agpcnet,
    basicirstd_acm,
    basicirstd_unet,
    dnanet,
    hdnet,
    isnet,
    istdunet,
    l2sknet,
    mshnet,
    open_acm,
    rdian,
    repisd,
    rpcanet,
    rsu,
    sctransnet,
)
from .sources import SOURCES, Source, renamed, source

__all__ = [
    'SOURCES', 'Source', 'acm_pytorch', 'agpcnet', 'basicirstd_acm', 'basicirstd_unet', 'dnanet', 'hdnet', 'isnet',
    'istdunet', 'l2sknet', 'mshnet', 'open_acm', 'rdian', 'renamed', 'repisd', 'rpcanet', 'rsu', 'sctransnet', 'source',
]
