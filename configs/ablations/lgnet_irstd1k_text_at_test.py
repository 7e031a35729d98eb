"""LGNet with text in training and at test. Paper (Table 2): IoU 73.35, nIoU 69.23, Pd 98.36, Fa 3.89e-6.

A description of a test image that was made from, or checked against, its mask leaks the ground truth.
"""

_base_ = '../lgnet_irstd1k.py'
model = dict(target_descriptor=dict(text='train_and_test'))
