"""RPCANet++ S3 on IRSTD-1k. Reported by fengyiwu98/RPCANet: IoU 64.40, F1 78.34, Pd 92.78, Fa 5.56e-5.

As rpcanet_plus_s6_irstd1k.py, with half the stages.
"""

_base_ = './rpcanet_plus_s6_irstd1k.py'
model = dict(network=dict(stages=3))
