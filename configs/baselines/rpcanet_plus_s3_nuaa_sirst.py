"""RPCANet++ S3 on NUAA-SIRST. Reported by fengyiwu98/RPCANet: IoU 75.52, F1 86.06, Pd 100.0, Fa 8.70e-5.

As rpcanet_plus_s6_nuaa_sirst.py, with half the stages.
"""

_base_ = './rpcanet_plus_s6_nuaa_sirst.py'
model = dict(network=dict(stages=3))
