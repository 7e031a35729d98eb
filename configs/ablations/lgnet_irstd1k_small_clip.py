"""LGNet on IRSTD-1k, text in training only, with the small CLIP of configs/clip/small_clip_irstd1k.py. Ours.

Weights and descriptions of the training list lie in $IRSTD_SMALL_CLIP, or work_dirs/small_clip: docs/clip.md.
"""

_base_ = './lgnet_nuaa_sirst_small_clip.py'

folder = '{{$IRSTD_SMALL_CLIP:work_dirs/small_clip}}'
own = dict(name='IRSTD-1k', data_root='{{$IRSTD_DATA_ROOT:data}}/IRSTD-1k')
model = dict(
    data_preprocessor=dict(mean=87.466, std=39.720),
    target_descriptor=dict(encoder=dict(pretrained=f'{folder}/irstd1k/clip.safetensors')))
train_dataloader = dict(dataset=dict(own, description_dir=f'{folder}/irstd1k_descriptions'))
val_dataloader = dict(dataset=own)
test_dataloader = dict(dataset=own)
