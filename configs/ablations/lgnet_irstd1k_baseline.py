"""LGNet without language and without fusion blocks, plain sums. Paper (Table 6), "baseline"."""

_base_ = './lgnet_irstd1k_fusion.py'
model = dict(neck=dict(fusion=dict(type='SumFusion')))
