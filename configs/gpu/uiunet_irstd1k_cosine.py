"""UIU-Net on IRSTD-1k whose rate falls to 0 by a cosine; its authors' is constant. For short trainings. Ours."""

_base_ = '../baselines/uiunet_irstd1k.py'
epochs = 500
param_scheduler = [dict(type='CosineAnnealingLR', T_max=epochs, eta_min=0.0, convert_to_iter_based=True)]
