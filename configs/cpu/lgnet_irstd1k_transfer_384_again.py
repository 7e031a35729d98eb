"""LGNet goes on from lgnet_irstd1k_transfer_384.py by the same recipe: three epochs more on windows of 384x384."""

_base_ = './lgnet_irstd1k_transfer_384.py'
load_from = 'work_dirs/lgnet_irstd1k_transfer_384/best.pth'
