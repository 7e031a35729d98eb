"""CLIP's text tower trained further on the descriptions of IRSTD-1k's training images, for LGNet's target descriptor.

The paper says that its text encoder is fine-tuned and gives no recipe; this one is ours: AdamW with CLIP's betas at a
learning rate of 1e-5, cosine, 10 epochs of batches of 64. Images in any layout with descriptions beside them, LangIR's
among them. The work folder gets clip.safetensors; see docs/clip.md.
"""

_base_ = ['../_base_/datasets/irstd1k.py', '../_base_/runtime.py']

epochs = 10
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage'),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadClipImage'),
    dict(type='PackInputs'),
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=64, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(batch_size=64, dataset=dict(pipeline=test_pipeline))
val_evaluator = dict(_delete_=True, type='RetrievalRecall')
test_evaluator = dict(_delete_=True, type='RetrievalRecall')

model = dict(
    type='ContrastiveCLIP',
    encoder=dict(type='OpenCLIPEncoder', model='ViT-B-16-quickgelu', pretrained='openai'),
    unfreeze='text')

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-5, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=epochs, eta_min=1e-8, convert_to_iter_based=True),
]

default_hooks = dict(
    logger=dict(interval=5),
    checkpoint=dict(interval=1, save_best='clip/mean_recall'))
custom_hooks = [
    dict(type='EpochSeedHook'),
    dict(type='NaNGuardHook'),
    dict(type='CSVLoggerHook', interval=5),
    dict(type='ProgressHook', metrics=('clip/image_to_text_R1', 'clip/text_to_image_R1', 'clip/mean_recall')),
    dict(type='StampHook'),
    dict(type='StartValidationHook'),
    dict(type='ExportCLIPHook'),
]
