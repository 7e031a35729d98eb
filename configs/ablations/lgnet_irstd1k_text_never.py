"""LGNet whose descriptor is the image embedding alone, in training too.

The paper's Table 2 has no such row: its "never" has the figures of the baseline without language.
"""

_base_ = '../lgnet_irstd1k.py'
model = dict(target_descriptor=dict(text='never'))
