"""As lgnet.py without language, "+ fusion block" of the paper's Table 6."""

_base_ = './lgnet.py'
model = dict(neck=dict(language_fusion=None), target_descriptor=None)
