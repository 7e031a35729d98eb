"""LGNet, another fusion: the descriptor is added to every pixel (ours)."""

_base_ = '../lgnet_irstd1k.py'
model = dict(neck=dict(language_fusion=dict(type='AdditiveLanguageFusion')))
