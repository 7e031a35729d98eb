"""L2SKNet-FPN on NUAA-SIRST, a residual pyramid; no figures of its own are known to us."""

_base_ = './l2sknet_unet_nuaa_sirst.py'
model = dict(
    backbone=dict(type='L2SKResidualEncoder'),
    neck=dict(form='fpn'),
    decode_head=dict(hidden=4))
