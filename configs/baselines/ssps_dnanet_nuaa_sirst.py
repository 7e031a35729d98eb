"""SSPS (DNANet on masks from single points) on NUAA-SIRST. Reported by LGNet (Table 5): IoU 74.22, Pd 96.20,
Fa 16.19e-6.

The masks to train on, and those of the holdout, are written first, into $IRSTD_POINTS_ROOT (default data/points):
python tools/label_points.py data/NUAA-SIRST --out data/points/NUAA-SIRST. Tests are against the true masks. The
authors' code retrains "e.g. DNANet" and states no recipe of its own; the recipe here is DNANet's.
"""

_base_ = './dnanet_r18_nuaa_sirst.py'
points_root = '{{$IRSTD_POINTS_ROOT:data/points}}/NUAA-SIRST'
train_dataloader = dict(dataset=dict(data_root=points_root))
val_dataloader = dict(dataset=dict(data_root=points_root))
