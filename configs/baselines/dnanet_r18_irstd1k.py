"""DNANet (ResNet-18) on IRSTD-1k. Reported by LGNet (Table 4): IoU 64.29, nIoU 63.47, Pd 95.29, Fa 19.78e-6.

The authors give no figure for this data set. BasicIRSTD's own training (400 epochs of Adam, tested at native size):
IoU 65.74, Pd 89.56, Fa 12.34e-6. Recipe: DNANet's, whose README trains with batches of 16.
"""

_base_ = [
    '../_base_/models/dnanet.py',
    '../_base_/datasets/irstd1k_crop256.py',
    '../_base_/schedules/adagrad_1500e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=16)
