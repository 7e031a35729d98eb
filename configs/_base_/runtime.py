"""Hooks, logs and seeds that every run has."""

default_scope = 'irstd_toolbox'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
randomness = dict(seed=0)
log_level = 'INFO'
load_from = None
resume = False

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=True),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=5, max_keep_ckpts=1, save_best='irstd/IoU', rule='greater'),
    sampler_seed=dict(type='DistSamplerSeedHook'))
custom_hooks = [
    dict(type='EpochSeedHook'),
    dict(type='NaNGuardHook'),
    dict(type='CollapseGuardHook'),
    dict(type='CSVLoggerHook'),
    dict(type='ProgressHook'),
    dict(type='StampHook'),
    dict(type='PanelHook', images=2, interval=5),
]
log_processor = dict(type='LogProcessor', by_epoch=True)
visualizer = dict(
    type='IRSTDVisualizer',
    name='visualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
