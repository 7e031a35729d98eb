"""A CLIP of 3.7 M parameters, most of them the vocabulary of its text tower, for training from random weights."""

small_clip = dict(
    embed_dim=512,
    vision_cfg=dict(image_size=128, layers=[1, 1, 1, 1], width=8, head_width=32),
    text_cfg=dict(context_length=48, vocab_size=49408, width=64, heads=2, layers=1))
