"""ILNet-S on NUAA-SIRST on a CPU: windows of 128x128 around a target at the size of the file, 60 epochs, batch 8."""

_base_ = [
    '../_base_/models/ilnet_s.py',
    '../_base_/datasets/nuaa_sirst_native_target128.py',
    '../_base_/schedules/adan_60e.py',
    '../_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=101.064, std=34.620))
