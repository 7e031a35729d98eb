"""LGNet without language on NUAA-SIRST, validated and kept with the moving average of its weights."""

_base_ = './lgnet_nuaa_sirst_fusion.py'
custom_hooks = [*_base_.custom_hooks, dict(type='EMAHook', momentum=0.002, update_buffers=True)]
