"""L2SKNet-FPN* on IRSTD-1k, kernels in two 1-D factors; no figures of its own are known to us."""

_base_ = './l2sknet_fpn_irstd1k.py'
model = dict(neck=dict(factorised=True))
