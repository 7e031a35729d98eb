"""LGNet at reduced width, one channel, with a small CLIP of random weights: an untrained stand-in, no download."""

_base_ = './lgnet.py'

encoder = dict(
    type='OpenCLIPEncoder',
    model=dict(
        embed_dim=64,
        vision_cfg=dict(image_size=64, layers=2, width=64, head_width=32, patch_size=16),
        text_cfg=dict(context_length=77, vocab_size=49408, width=64, heads=2, layers=2)),
    pretrained='random')
model = dict(
    data_preprocessor=dict(mean=100.0, std=40.0, channels=1),
    backbone=dict(
        in_channels=1,
        stages=((5, 8, 16), (4, 8, 16), (4, 8, 16), (4, 8, 32), ('4F', 8, 32))),
    neck=dict(
        in_channels=(16, 16, 16, 32, 32),
        stages=((5, 8, 16), (4, 8, 16), (4, 8, 16), (4, 8, 16), ('4F', 8, 32), ('4F', 16, 32)),
        language_fusion=dict(descriptor_dim=64, hidden=(64,))),
    decode_head=dict(in_channels=(16, 16, 16, 16, 32, 32)),
    target_descriptor=dict(encoder=dict(_delete_=True, **encoder), normalize=True))
