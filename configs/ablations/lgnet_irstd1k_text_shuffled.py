"""LGNet trained with the sentences of other images, each used once: does it matter what the text says? Ours."""

_base_ = '../lgnet_irstd1k.py'
train_dataloader = dict(dataset=dict(text_control='shuffled'))
