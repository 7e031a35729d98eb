"""Metrics, named protocols and prediction files. Loads neither torch nor mmengine.

The METRICS registry finds its components in :mod:`.metrics` and :mod:`.retrieval`, which are not imported here.
"""

from .background import Clutter, measure_clutter, summarise_clutter
from .curves import CurveCounter, PixelCurve, TargetCurve
from .functional import ImageCounts
from .hierarchical import HierarchicalCounts, count_hierarchical, error_analysis, hiou, losses
from .prediction_io import read_prediction, write_prediction
from .protocols import PROTOCOLS, Protocol, register

__all__ = [
    'Clutter', 'CurveCounter', 'HierarchicalCounts', 'ImageCounts', 'PROTOCOLS', 'PixelCurve', 'Protocol',
    'TargetCurve', 'count_hierarchical', 'error_analysis', 'hiou', 'losses', 'measure_clutter', 'read_prediction',
    'register', 'summarise_clutter', 'write_prediction',
]
