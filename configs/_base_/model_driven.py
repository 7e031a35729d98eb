"""What a run without training has: no hooks and no schedule."""

default_scope = 'irstd_toolbox'
env_cfg = dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0), dist_cfg=dict(backend='gloo'))
randomness = dict(seed=0)
log_level = 'INFO'
