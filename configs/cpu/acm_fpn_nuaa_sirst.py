"""ACM-FPN on NUAA-SIRST under its own recipe, as far as two CPU cores come in 62 minutes: the weights beside this file.

Epoch 54 of 54, the rate falling with the time: docs/results.md says how.
"""

_base_ = '../baselines/acm_fpn_nuaa_sirst.py'
