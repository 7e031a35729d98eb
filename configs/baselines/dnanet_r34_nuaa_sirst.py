"""DNANet (ResNet-34) on NUAA-SIRST. Reported by the authors' README (half split): IoU 77.54, Pd 98.10, Fa 2.510e-6."""

_base_ = './dnanet_r18_nuaa_sirst.py'
model = dict(backbone=dict(blocks=(1, 3, 4, 6, 3)), neck=dict(blocks=(1, 3, 4, 6)))
