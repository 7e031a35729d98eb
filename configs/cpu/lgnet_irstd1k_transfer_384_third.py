"""LGNet goes on from lgnet_irstd1k_transfer_384_again.py by the same recipe, for the third time: ten epochs in all."""

_base_ = './lgnet_irstd1k_transfer_384.py'
load_from = 'work_dirs/lgnet_irstd1k_transfer_384_again/best.pth'
