"""LGNet without language ("+ fusion block" of the paper's Table 6) on NUAA-SIRST, for two CPU cores.

Other than the paper's recipe: windows of 128x128 around a target, at the size of the file, and 60 epochs.
"""

_base_ = [
    '../_base_/models/lgnet.py',
    '../_base_/datasets/nuaa_sirst_native_target128.py',
    '../_base_/schedules/adan_60e.py',
    '../_base_/runtime.py',
]
model = dict(data_preprocessor=dict(mean=101.064, std=34.620), neck=dict(language_fusion=None), target_descriptor=None)
