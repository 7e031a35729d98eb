"""The transforms of a sample, from files to the tensors that a model takes.

Everything like an image is 2-D, one channel, until :class:`PackInputs`. Random transforms draw from numpy's global
generator, as mmcv's do, so the seeding of workers reaches them. A transform whose class says ``fixed = True`` makes the
same of a sample every time; a data set with ``in_memory=True`` runs such steps at the beginning of a pipeline once.
One that says ``rigid = True`` changes pixels by :func:`apply_op` alone.
"""

from irstd_toolbox.datasets.transforms.crop import RandomCrop
from irstd_toolbox.datasets.transforms.formatting import PackInputs
from irstd_toolbox.datasets.transforms.geometry import RandomFlip, RandomRotate90, RandomScale, Resize, apply_op
from irstd_toolbox.datasets.transforms.intensity import RandomBlur, RandomIntensity
from irstd_toolbox.datasets.transforms.loading import LoadClipImage, LoadImage, LoadTargetMask

__all__ = [
    'LoadClipImage',
    'LoadImage',
    'LoadTargetMask',
    'PackInputs',
    'RandomBlur',
    'RandomCrop',
    'RandomFlip',
    'RandomIntensity',
    'RandomRotate90',
    'RandomScale',
    'Resize',
    'apply_op',
]
