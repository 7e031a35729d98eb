"""SCTransNet on IRSTD-1k. Reported by xdFai/SCTransNet: IoU 68.03, nIoU 68.15, Pd 93.27, Fa 10.74e-6.

Those weights were trained on NUAA-SIRST, NUDT-SIRST and IRSTD-1k at once, these on one set alone. Recipe of that
repository: windows of 256, batches of 16, BCE at all six outputs, Adam with cosine, tests at native size.
"""

_base_ = [
    '../_base_/models/sctransnet.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/schedules/sctransnet_adam.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=16)
