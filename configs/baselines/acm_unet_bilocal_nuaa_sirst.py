"""ACM-U-Net with BiLocalFusion on NUAA-SIRST. Reported by acm-pytorch: IoU 64.02, nIoU 67.73."""

_base_ = './acm_unet_nuaa_sirst.py'
model = dict(neck=dict(fusion=dict(type='BiLocalFusion')))
