"""Pictures of detections: overlays, panels with zoomed targets, and the engine's visualizer that draws them."""

from .findings import COLOURS, Finding, find
from .overlays import overlay
from .panels import panel, save, to_rgb
from .visualizer import IRSTDVisualizer

__all__ = ['COLOURS', 'Finding', 'IRSTDVisualizer', 'find', 'overlay', 'panel', 'save', 'to_rgb']
