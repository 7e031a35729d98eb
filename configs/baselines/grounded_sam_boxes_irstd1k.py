"""GroundingDINO alone on IRSTD-1k, its boxes filled: what grounded_sam_irstd1k.py is without SAM.

Filled true boxes reach IoU 0.739, nIoU 0.813 on NUAA-SIRST (our measurement), which bounds this ablation there.
"""

_base_ = './grounded_sam_irstd1k.py'
model = dict(segmenter=None, mask_loss=None)
