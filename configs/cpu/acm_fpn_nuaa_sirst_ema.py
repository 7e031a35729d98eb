"""ACM-FPN on NUAA-SIRST under its own recipe, validated and kept with the moving average of its weights."""

_base_ = '../baselines/acm_fpn_nuaa_sirst.py'
custom_hooks = [*_base_.custom_hooks, dict(type='EMAHook', momentum=0.01, update_buffers=True)]
