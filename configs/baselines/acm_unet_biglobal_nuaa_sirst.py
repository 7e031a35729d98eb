"""ACM-U-Net with BiGlobalFusion on NUAA-SIRST. Reported by acm-pytorch: IoU 69.59, nIoU 72.27."""

_base_ = './acm_unet_nuaa_sirst.py'
model = dict(neck=dict(fusion=dict(type='BiGlobalFusion')))
