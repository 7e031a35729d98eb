"""DNANet (ResNet-10) on NUAA-SIRST. Reported by the authors' README (half split): IoU 76.24, Pd 97.71, Fa 12.80e-6."""

_base_ = './dnanet_r18_nuaa_sirst.py'
model = dict(backbone=dict(blocks=(1, 1, 1, 1, 1)), neck=dict(blocks=(1, 1, 1, 1)))
