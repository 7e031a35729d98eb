"""LGNet at reduced width on synthetic scenes, text in training only. Loss: BCE and soft IoU at all outputs."""

_base_ = [
    '../_base_/models/lgnet_small.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adam_8e.py',
    '../_base_/runtime.py',
]
model = dict(loss=[dict(type='BCELoss'), dict(type='SoftIoULoss')])
