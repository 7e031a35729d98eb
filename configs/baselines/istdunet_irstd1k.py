"""ISTDU-Net on IRSTD-1k, BasicIRSTD's recipe. Reported by BasicIRSTD: IoU 65.01, Pd 93.94, Fa 26.44e-6.

The authors' own recipe is another: docs/baselines.md.
"""

_base_ = [
    '../_base_/models/istdunet.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/schedules/basicirstd_400e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=16)
