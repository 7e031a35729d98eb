"""Losses of one logit map against one mask."""

from .pixel import BCELoss, FocalLoss
from .region import DiceLoss, SoftIoULoss
from .sls import SLSLoss

__all__ = ['BCELoss', 'DiceLoss', 'FocalLoss', 'SLSLoss', 'SoftIoULoss']
