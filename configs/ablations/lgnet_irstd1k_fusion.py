"""LGNet without language, "+ fusion block" of the paper's Table 6."""

_base_ = '../lgnet_irstd1k.py'
model = dict(neck=dict(language_fusion=None), target_descriptor=None)
