"""DNANet (ResNet-34) on IRSTD-1k. No figure of this depth is published for this data set."""

_base_ = './dnanet_r18_irstd1k.py'
model = dict(backbone=dict(blocks=(1, 3, 4, 6, 3)), neck=dict(blocks=(1, 3, 4, 6)))
