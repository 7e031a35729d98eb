"""UIU-Net on IRSTD-1k. Reported by the LGNet paper (Table 4): IoU 66.64, nIoU 60.20, Pd 89.23, Fa 16.02e-6.

Reported by BasicIRSTD under its own recipe: IoU 65.69.

The recipe is the released code's: Adam, lr 1e-3, 500 epochs, batches of 3, BCE summed over all seven outputs. It reads
its training images in one order every epoch; here they are shuffled. It stretches each test probability map to 0..1
before it is scored; here the probability itself is.
"""

_base_ = [
    '../_base_/models/uiunet.py',
    '../_base_/datasets/irstd1k_320_crop288.py',
    '../_base_/schedules/adam_500e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=3)
