"""As lgnet.py without language and without fusion blocks, "baseline" of the paper's Table 6."""

_base_ = './lgnet_fusion.py'
model = dict(neck=dict(fusion=dict(type='SumFusion')))
