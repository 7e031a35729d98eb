"""LGNet trained with sentences that tell places where no target is: does it matter that the text is true? Ours."""

_base_ = '../lgnet_irstd1k.py'
train_dataloader = dict(dataset=dict(text_control='wrong'))
