"""SCTransNet on NUAA-SIRST. Reported by xdFai/SCTransNet: IoU 77.50, nIoU 81.08, Pd 96.95, Fa 13.92e-6.

Those weights were trained on NUAA-SIRST, NUDT-SIRST and IRSTD-1k at once, these on one set alone. Recipe of that
repository: windows of 256, batches of 16, BCE at all six outputs, Adam with cosine, tests at native size.
"""

_base_ = [
    '../_base_/models/sctransnet.py',
    '../_base_/datasets/nuaa_sirst_native_crop256.py',
    '../_base_/schedules/sctransnet_adam.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=16)
model = dict(data_preprocessor=dict(mean=101.064, std=34.620))
