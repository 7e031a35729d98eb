"""HDNet on NUAA-SIRST. Reported by the authors' README: IoU 79.17, Pd 100, Fa 0.53e-6.

Their weights are those that were best on the test images, stretched to 256x256. Recipe: theirs, batches of 4.
"""

_base_ = [
    '../_base_/models/hdnet.py',
    '../_base_/datasets/nuaa_sirst_crop256.py',
    '../_base_/schedules/adagrad_waves_800e.py',
    '../_base_/runtime.py',
]
train_pipeline = _base_.recipe_pipeline
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
