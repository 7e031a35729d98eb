"""LGNet, another fusion: the descriptor becomes four tokens that pixels attend to, beside a learnt one (ours)."""

_base_ = '../lgnet_irstd1k.py'
model = dict(neck=dict(language_fusion=dict(type='CrossAttentionFusion')))
