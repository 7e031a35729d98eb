"""DNANet (ResNet-10) on windows of 64 of synthetic scenes. Loss: BCE and soft IoU, averaged over the maps."""

_base_ = [
    '../_base_/models/dnanet.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adam_8e.py',
    '../_base_/runtime.py',
]
model = dict(
    data_preprocessor=dict(mean=100.0, std=40.0),
    backbone=dict(blocks=(1, 1, 1, 1, 1)),
    neck=dict(blocks=(1, 1, 1, 1)),
    loss=[dict(type='BCELoss'), dict(type='SoftIoULoss')])
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomCrop', size=64),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PackInputs'),
]))
