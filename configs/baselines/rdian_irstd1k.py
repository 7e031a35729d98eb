"""RDIAN on IRSTD-1k. Reported by the LGNet paper (Table 4): IoU 58.85, Pd 90.48, Fa 17.76e-6.

Reported by BasicIRSTD under its own recipe: IoU 59.94, Pd 87.21, Fa 33.31e-6. The recipe is the authors' script's:
crops of 480 without blur, batch 8, 300 epochs, Adagrad, lr 0.005, soft IoU averaged over images; they trained on IRDST.
"""

_base_ = [
    '../_base_/models/rdian.py',
    '../_base_/datasets/irstd1k_crop480.py',
    '../_base_/schedules/rdian_adagrad.py',
    '../_base_/runtime.py',
]
train_pipeline = _base_.recipe_pipeline
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
