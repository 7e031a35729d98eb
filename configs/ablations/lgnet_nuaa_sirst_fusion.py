"""LGNet without language on NUAA-SIRST, "+ fusion block" of the paper's Table 6."""

_base_ = '../lgnet_nuaa_sirst.py'
model = dict(neck=dict(language_fusion=None), target_descriptor=None)
