"""GroundingDINO+SAM, fine-tuned, on NUAA-SIRST. No published figures; as grounded_sam_irstd1k.py."""

_base_ = [
    '../_base_/models/grounded_sam.py',
    '../_base_/datasets/nuaa_sirst_native.py',
    '../_base_/schedules/adamw_20e.py',
    '../_base_/runtime.py',
]
train_dataloader = dict(batch_size=2)
find_unused_parameters = True  # several processes: Swin's last norm and SAM's quality head train on nothing
