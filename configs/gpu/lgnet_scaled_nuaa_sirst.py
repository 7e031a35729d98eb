"""LGNet without language on NUAA-SIRST at 512x512, images scaled, cut and blurred: the weights beside this file.

47 epochs in 7.5 minutes of a GPU that others used too, the rate falling with the time: docs/results.md has the command.
"""

_base_ = '../ablations/lgnet_nuaa_sirst_fusion_scaled.py'
