"""RepISD-Net with its branches fused, as repisd_irstd1k.py otherwise: to test and predict with, not to train.

`tools/reparameterise.py` makes its checkpoint from a trained one.
"""

_base_ = './repisd_irstd1k.py'
model = dict(backbone=dict(deploy=True), neck=dict(deploy=True))
