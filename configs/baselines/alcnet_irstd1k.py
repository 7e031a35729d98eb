"""ALCNet on IRSTD-1k. No figure of it is known, BasicIRSTD's are of askc_fpn. The recipe is NUAA-SIRST's."""

_base_ = [
    '../_base_/models/alcnet.py',
    '../_base_/datasets/irstd1k_crop480.py',
    '../_base_/schedules/adagrad_poly_300e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=0.1, eps=1e-7 * 2**2))
param_scheduler = None  # constant, as the authors' code
