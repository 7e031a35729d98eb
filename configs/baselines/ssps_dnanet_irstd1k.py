"""SSPS (DNANet on masks from single points) on IRSTD-1k. Reported by LGNet (Table 4): IoU 64.13, Pd 90.74,
Fa 14.93e-6.

The masks to train on, and those of the holdout, are written first, into $IRSTD_POINTS_ROOT (default data/points):
python tools/label_points.py data/IRSTD-1k --out data/points/IRSTD-1k. Tests are against the true masks. The authors'
code retrains "e.g. DNANet" and states no recipe of its own; the recipe here is DNANet's.
"""

_base_ = './dnanet_r18_irstd1k.py'
points_root = '{{$IRSTD_POINTS_ROOT:data/points}}/IRSTD-1k'
train_dataloader = dict(dataset=dict(data_root=points_root))
val_dataloader = dict(dataset=dict(data_root=points_root))
