r"""UIU-Net, ILNet-L, ACM, and LGNet with and without text in training, on IRSTD-1k in a slot of a GPU: docs/results.md.

    python tools/slots.py pack configs/slots/irstd1k_512.py --results work_dirs/slots_gpu4/irstd1k \
        --out work_dirs/slots_gpu4/irstd1k_boxes --wheels wheels --boxes 2 --limit 46

For --at-once 5 beside configs/slots/nuaa_sirst_512.py; each ends its schedules with its minutes. The folder small_clip
holds irstd1k/clip.safetensors and irstd1k_descriptions of docs/clip.md alone.
"""

data = {'IRSTD-1k': '{{$IRSTD_DATA_ROOT:data}}/IRSTD-1k'}
files = {'small_clip': 'work_dirs/slots_gpu3/small_clip'}
environment = {'IRSTD_SMALL_CLIP': '{home}/files/small_clip', 'IRSTD_CACHE_DIR': '{home}/cache'}


def run(name: str, config: str, *options: str, minutes: float = 9.3) -> dict:
    fast = ['channels_last=True', 'train_dataloader.dataset.in_memory=True', 'val_dataloader.dataset.in_memory=True',
            'train_cfg.val_interval=6']
    return dict(name=name, config=f'configs/{config}.py', minutes=minutes, options=[*fast, *options],
                train=['--amp', 'bf16', '--anneal'], test=['--protocol', 'canonical', 'lgnet'])


runs = [
    run('uiunet', 'gpu/uiunet_irstd1k_cosine', 'train_dataloader.batch_size=8', minutes=8.8),
    run('lgnet_text', 'ablations/lgnet_irstd1k_small_clip', 'model.supervision=final'),
    run('lgnet_never', 'ablations/lgnet_irstd1k_small_clip_never', 'model.supervision=final'),
    run('ilnet_l', 'gpu/ilnet_l_irstd1k_128'),
    run('acm_fpn', 'baselines/acm_fpn_irstd1k'),
]
