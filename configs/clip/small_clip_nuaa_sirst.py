"""The small CLIP of small_clip_synthetic.py trained further on the sentences of NUAA-SIRST's training images.

The held-out tenth is read to choose the epoch, the test list never. Weights and descriptions lie in $IRSTD_SMALL_CLIP,
or work_dirs/small_clip.
"""

_base_ = './small_clip_synthetic.py'

data_root = '{{$IRSTD_DATA_ROOT:data}}/NUAA-SIRST'
own = dict(name='NUAA-SIRST', data_root=data_root)
told = dict(own, description_dir='{{$IRSTD_SMALL_CLIP:work_dirs/small_clip}}/nuaa_sirst_descriptions')
epochs = 20

model = dict(encoder=dict(pretrained='{{$IRSTD_SMALL_CLIP:work_dirs/small_clip}}/synthetic/clip.safetensors'))
train_dataloader = dict(dataset=dict(told, indices=None))
val_dataloader = dict(dataset=told)
test_dataloader = dict(dataset=own)

train_cfg = dict(max_epochs=epochs, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=epochs, eta_min=1e-6, convert_to_iter_based=True),
]
