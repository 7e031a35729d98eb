"""LGNet with the small CLIP on IRSTD-1k whose descriptor is the image embedding alone, in training too. Ours."""

_base_ = './lgnet_irstd1k_small_clip.py'
model = dict(target_descriptor=dict(text='never'))
train_dataloader = dict(dataset=dict(description_dir=None))
