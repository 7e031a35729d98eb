"""L2SKNet-FPN on IRSTD-1k, a residual pyramid; no figures of its own are known to us."""

_base_ = './l2sknet_unet_irstd1k.py'
model = dict(
    backbone=dict(type='L2SKResidualEncoder'),
    neck=dict(form='fpn'),
    decode_head=dict(hidden=4))
