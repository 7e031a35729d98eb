"""RepISD-Net with its branches fused, as repisd_nuaa_sirst.py otherwise: to test and predict with, not to train.

`tools/reparameterise.py` makes its checkpoint from a trained one.
"""

_base_ = './repisd_nuaa_sirst.py'
model = dict(backbone=dict(deploy=True), neck=dict(deploy=True))
