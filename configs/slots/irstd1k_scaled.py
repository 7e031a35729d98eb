r"""LGNet without language on scaled images by soft IoU of the final map, DNANet and ALCNet, on IRSTD-1k in a slot.

    python tools/slots.py pack configs/slots/irstd1k_scaled.py --results work_dirs/slots_gpu5/irstd1k \
        --out work_dirs/slots_gpu5/irstd1k_boxes --wheels wheels --boxes 2 --limit 46

For --at-once 3 beside configs/slots/nuaa_sirst_seeds.py; each ends its schedules with its minutes.
"""

data = {'IRSTD-1k': '{{$IRSTD_DATA_ROOT:data}}/IRSTD-1k'}


def run(name: str, config: str, *options: str) -> dict:
    fast = ['channels_last=True', 'train_dataloader.dataset.in_memory=True', 'val_dataloader.dataset.in_memory=True',
            'train_cfg.val_interval=6']
    return dict(name=name, config=f'configs/{config}.py', minutes=11.3, options=[*fast, *options],
                train=['--amp', 'bf16', '--anneal'], test=['--protocol', 'canonical', 'lgnet'])


runs = [
    run('lgnet_scaled', 'ablations/lgnet_irstd1k_fusion_scaled', 'model.supervision=final',
        'model.loss.type=SoftIoULoss'),
    run('dnanet_r18', 'baselines/dnanet_r18_irstd1k'),
    run('alcnet', 'baselines/alcnet_irstd1k', 'train_dataloader.batch_size=8',
        'optim_wrapper.optimizer.eps=6.4e-6'),
]
