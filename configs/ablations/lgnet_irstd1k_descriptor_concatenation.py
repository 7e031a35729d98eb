"""LGNet, another fusion: the descriptor lies beside the map and is mixed with it by a 1x1 convolution (ours)."""

_base_ = '../lgnet_irstd1k.py'
model = dict(neck=dict(language_fusion=dict(type='ConcatLanguageFusion')))
