"""ACM-U-Net with BiGlobalFusion on IRSTD-1k: no figure known. Recipe: that of NUAA-SIRST."""

_base_ = './acm_unet_irstd1k.py'
model = dict(neck=dict(fusion=dict(type='BiGlobalFusion')))
