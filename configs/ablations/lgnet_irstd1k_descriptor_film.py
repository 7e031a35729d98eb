"""LGNet, another fusion: the descriptor scales and shifts every channel (Perez et al., 2018)."""

_base_ = '../lgnet_irstd1k.py'
model = dict(neck=dict(language_fusion=dict(type='FiLMFusion')))
