"""RDIAN on NUAA-SIRST. Reported by the LGNet paper (Table 5): IoU 68.98, Pd 96.33, Fa 29.63e-6.

Reported by BasicIRSTD under its own recipe and split: IoU 70.74, Pd 95.06, Fa 48.16e-6. The recipe is the authors'
script's: crops of 480 without blur, batch 8, 300 epochs, Adagrad, lr 0.005, soft IoU averaged over images.
"""

_base_ = [
    '../_base_/models/rdian.py',
    '../_base_/datasets/nuaa_sirst_crop480.py',
    '../_base_/schedules/rdian_adagrad.py',
    '../_base_/runtime.py',
]
train_pipeline = _base_.recipe_pipeline
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
