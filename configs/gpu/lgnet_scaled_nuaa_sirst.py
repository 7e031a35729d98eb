"""LGNet without language on NUAA-SIRST at 512x512, images scaled, cut and blurred: the weights beside this file.

Soft IoU of the final map alone. Epoch 50 of 57 in 9 minutes of a GPU that others used too, the rate falling with the
time: docs/results.md says how.
"""

_base_ = '../ablations/lgnet_nuaa_sirst_fusion_scaled.py'
model = dict(supervision='final', loss=dict(type='SoftIoULoss'))
