"""GroundingDINO+SAM, fine-tuned, on IRSTD-1k. Reported by the LGNet paper (Sec. 5.6.3): IoU 66.2, nIoU 65.4.

Variants, prompt, input size, schedule and what was frozen are not given there; all of that is our choice.
"""

_base_ = [
    '../_base_/models/grounded_sam.py',
    '../_base_/datasets/irstd1k_native.py',
    '../_base_/schedules/adamw_20e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=2)
find_unused_parameters = True  # several processes: Swin's last norm and SAM's quality head train on nothing
