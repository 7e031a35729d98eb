"""ACM-FPN with BiLocalFusion on NUAA-SIRST. Reported by acm-pytorch: IoU 66.75, nIoU 66.99."""

_base_ = './acm_fpn_nuaa_sirst.py'
model = dict(neck=dict(fusion=dict(type='BiLocalFusion')))
