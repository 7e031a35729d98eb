"""Synthetic infrared scenes with small targets, for demonstration, tests and pre-training. Loads no torch."""

from .clutter import CLUTTER
from .scene import KINDS, SceneOptions, SyntheticScene, Target, make_scene
from .targets import Measure, Shape, mask_of, measure, profile
from .writer import GENERATOR, write_dataset

__all__ = [
    'CLUTTER', 'GENERATOR', 'KINDS', 'Measure', 'SceneOptions', 'Shape', 'SyntheticScene', 'Target', 'make_scene',
    'mask_of', 'measure', 'profile', 'write_dataset']
