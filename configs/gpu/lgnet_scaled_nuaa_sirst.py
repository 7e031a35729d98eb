"""LGNet without language on NUAA-SIRST at 512x512, images scaled, cut and blurred: the weights beside this file.

Epoch 40 of 47 in 7.6 minutes of a GPU that others used too, the rate falling with the time: docs/results.md says how.
"""

_base_ = '../ablations/lgnet_nuaa_sirst_fusion_scaled.py'
