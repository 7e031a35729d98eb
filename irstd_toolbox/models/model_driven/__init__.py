"""Model-driven methods: targets found by a formula instead of learned weights.

A method is a class in ``METHODS``, built from a config (``METHODS.build(dict(type='TopHat', size=5))``)::

    response = method(image)

``image`` is ``(H, W)`` float64, grey 0..255; ``response`` is ``(H, W)`` float64 of the same size, finite, at least 0,
larger where a target is likelier. A method computes with numpy and scipy (and OpenCV) in double precision, gives the
same response for the same image, leaves the image unchanged, takes any size down to a few pixels, and answers a flat
image with zeros alone. What is a target is said by a rule in ``THRESHOLDS``; :class:`ModelDrivenDetector` joins both
into a model that tests and predicts as a network does, without a checkpoint.

Importing this package registers the methods and rules.
"""

from .detector import ModelDrivenDetector
from .filters import MaxMean, MaxMedian, MSLoG, TopHat
from .gray_difference import AAGD, ADMD, LIG
from .ipi import IPI
from .local_contrast import HBMLCM, ILCM, LCM, MPCM
from .nram import NRAM
from .pstnn import PSTNN
from .ranked_contrast import RLCM, TLLCM, WSLCM
from .ript import RIPT
from .thresholds import AdaptiveThreshold, BestThreshold, FixedThreshold

__all__ = [
    'AAGD', 'ADMD', 'IPI', 'AdaptiveThreshold', 'BestThreshold', 'FixedThreshold', 'HBMLCM', 'ILCM', 'LCM', 'LIG',
    'MPCM', 'MSLoG', 'MaxMean', 'MaxMedian', 'ModelDrivenDetector', 'NRAM', 'PSTNN', 'RIPT', 'RLCM', 'TLLCM', 'TopHat',
    'WSLCM',
]
