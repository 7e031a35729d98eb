"""LGNet, another fusion: the descriptor has a part in a gate for every element of both maps (ours)."""

_base_ = '../lgnet_irstd1k.py'
model = dict(neck=dict(language_fusion=dict(type='GatedLanguageFusion')))
