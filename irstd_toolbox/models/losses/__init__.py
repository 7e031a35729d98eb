"""Losses of one logit map against one mask."""

from .edge import EdgeLoss
from .pixel import BCELoss, FocalLoss
from .reconstruction import ReconstructionLoss
from .region import DiceLoss, SoftIoULoss
from .sls import SLSLoss

__all__ = ['BCELoss', 'DiceLoss', 'EdgeLoss', 'FocalLoss', 'ReconstructionLoss', 'SLSLoss', 'SoftIoULoss']
