"""Pictures of detections and figures of curves, and the engine's visualizer that draws panels during training.

``contact_sheet``, ``difference`` and ``surfaces`` are modules here, each with the function of its name.
"""

from .backends import WandbVisBackend
from .contact_sheet import Tile, worst_first
from .curve_figures import curve_rows, pd_fa_figure, pr_figure, roc3d_figure, roc_figure
from .difference import comparison, difference_map
from .findings import COLOURS, Finding, find
from .overlays import overlay
from .panels import panel, save, to_rgb
from .visualizer import IRSTDVisualizer

__all__ = [
    'COLOURS', 'Finding', 'IRSTDVisualizer', 'Tile', 'WandbVisBackend', 'comparison', 'curve_rows', 'difference_map',
    'find', 'overlay', 'panel', 'pd_fa_figure', 'pr_figure', 'roc3d_figure', 'roc_figure', 'save', 'to_rgb',
    'worst_first',
]
