"""LGNet that trains half of its samples as it is tested, without text (ours)."""

_base_ = '../lgnet_irstd1k.py'
model = dict(target_descriptor=dict(text_dropout=0.5))
