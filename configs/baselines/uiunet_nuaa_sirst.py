"""UIU-Net on NUAA-SIRST. Reported by the LGNet paper (Table 5): IoU 75.39, nIoU 74.67, Pd 97.25, Fa 42.41e-6.

Reported by BasicIRSTD under its own recipe, on its split 213 / 214: IoU 77.53, Pd 92.40, Fa 9.33e-6.

The recipe is the released code's: Adam, lr 1e-3, 500 epochs, batches of 3, BCE summed over all seven outputs. It reads
its training images in one order every epoch; here they are shuffled. It stretches each test probability map to 0..1
before it is scored; here the probability itself is.
"""

_base_ = [
    '../_base_/models/uiunet.py',
    '../_base_/datasets/nuaa_sirst_320_crop288.py',
    '../_base_/schedules/adam_500e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=3)
