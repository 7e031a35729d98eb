"""L2SKNet-UNet* on NUAA-SIRST, kernels in two 1-D factors; no figures of its own are known to us."""

_base_ = './l2sknet_unet_nuaa_sirst.py'
model = dict(neck=dict(factorised=True))
