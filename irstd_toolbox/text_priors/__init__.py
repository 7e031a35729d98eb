"""Language priors: sentences that tell where targets are, who writes them, where they are kept. Loads no torch."""

from irstd_toolbox.text_priors.mask_caption import MaskCaptionProvider
from irstd_toolbox.text_priors.provider import TextPriorProvider, build_provider, find_provider
from irstd_toolbox.text_priors.quadrant import QuadrantProvider
from irstd_toolbox.text_priors.replay import ReplayProvider
from irstd_toolbox.text_priors.scene import Scene, Target, find_targets
from irstd_toolbox.text_priors.sentence import transform_sentence

__all__ = [
    'MaskCaptionProvider',
    'QuadrantProvider',
    'ReplayProvider',
    'Scene',
    'Target',
    'TextPriorProvider',
    'build_provider',
    'find_provider',
    'find_targets',
    'transform_sentence',
]
