"""HDNet on IRSTD-1k. Reported by the authors' README: IoU 70.26, Pd 94.56, Fa 4.33e-6.

Their weights are those that were best on the test images, stretched to 256x256. Recipe: theirs, batches of 4.
"""

_base_ = [
    '../_base_/models/hdnet.py',
    '../_base_/datasets/irstd1k_crop256.py',
    '../_base_/schedules/adagrad_waves_800e.py',
    '../_base_/runtime.py',
]
train_pipeline = _base_.recipe_pipeline
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
