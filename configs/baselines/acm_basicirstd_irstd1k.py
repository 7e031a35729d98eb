"""BasicIRSTD's ACM on IRSTD-1k. Reported by BasicIRSTD: IoU 60.33, Pd 93.27, Fa 68.49e-6 (native size)."""

_base_ = [
    '../_base_/models/acm_basicirstd.py',
    '../_base_/datasets/irstd1k_native_crop256.py',
    '../_base_/schedules/basicirstd_400e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=16)
