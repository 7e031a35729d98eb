r"""LGNet without language on scaled images, soft IoU of the final map, three seeds; ACM-FPN under its own recipe.

    python tools/slots.py pack configs/slots/nuaa_sirst_seeds.py --results work_dirs/slots_gpu5/nuaa_sirst \
        --out work_dirs/slots_gpu5/nuaa_sirst_boxes --wheels wheels

For --at-once 4 beside configs/slots/irstd1k_scaled.py; each ends its schedule with its minutes.
"""

data = {'NUAA-SIRST': '{{$IRSTD_DATA_ROOT:data}}/NUAA-SIRST'}


def run(name: str, config: str, *options: str, seed: int = 0) -> dict:
    fast = ['channels_last=True', 'train_dataloader.dataset.in_memory=True', 'val_dataloader.dataset.in_memory=True',
            'train_cfg.val_interval=10']
    return dict(name=name, config=f'configs/{config}.py', seed=seed, minutes=11.3, options=[*fast, *options],
                train=['--amp', 'bf16', '--anneal'], test=['--protocol', 'canonical', 'lgnet'])


runs = [
    *(run(f'soft_iou_{seed}', 'gpu/lgnet_scaled_nuaa_sirst', seed=seed) for seed in range(3)),
    run('acm_fpn', 'baselines/acm_fpn_nuaa_sirst'),
]
