"""lgnet_nuaa_sirst_scaled_small_clip.py whose descriptor is the image embedding alone, in training too. Ours."""

_base_ = './lgnet_nuaa_sirst_scaled_small_clip.py'
model = dict(target_descriptor=dict(text='never'))
train_dataloader = dict(dataset=dict(description_dir=None))
