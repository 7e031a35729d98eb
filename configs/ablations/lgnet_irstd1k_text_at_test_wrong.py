"""LGNet with text in training and at test, true in training and wrong at test: does it look where the text says? Ours.

Test images are told places where, by their masks, no target is.
"""

_base_ = './lgnet_irstd1k_text_at_test.py'
test_dataloader = dict(dataset=dict(text_control='wrong'))
