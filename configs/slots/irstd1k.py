r"""Networks on IRSTD-1k, and LGNet with and without text in training, in one slot of a GPU: docs/results.md.

    python tools/slots.py pack configs/slots/irstd1k.py --results work_dirs/slots_gpu3/irstd1k \
        --out work_dirs/slots_gpu3/irstd1k_boxes --wheels wheels --boxes 2 --limit 46

Most urgent first, for --at-once 3 of a slot of 9 minutes; each ends its schedules with its minutes. The folder
small_clip holds irstd1k/clip.safetensors and irstd1k_descriptions of docs/clip.md alone.
"""

data = {'IRSTD-1k': '{{$IRSTD_DATA_ROOT:data}}/IRSTD-1k'}
files = {'small_clip': 'work_dirs/slots_gpu3/small_clip'}
environment = {'IRSTD_SMALL_CLIP': '{home}/files/small_clip', 'IRSTD_CACHE_DIR': '{home}/cache'}


def run(name: str, config: str, minutes: float, *options: str) -> dict:
    fast = ['channels_last=True', 'train_dataloader.dataset.in_memory=True', 'val_dataloader.dataset.in_memory=True',
            'train_cfg.val_interval=6']
    return dict(name=name, config=f'configs/{config}.py', minutes=minutes, options=[*fast, *options],
                train=['--amp', 'bf16', '--anneal'], test=['--protocol', 'canonical', 'lgnet'])


def language(name: str, config: str) -> dict:
    sizes = [f'{loader}_dataloader.dataset.pipeline.{step}.size=256'
             for loader, step in (('train', 3), ('val', 2), ('test', 2))]
    return run(name, f'ablations/{config}', 3.6, *sizes)


runs = [
    run('uiunet', 'baselines/uiunet_irstd1k', 3.7, 'train_dataloader.batch_size=8'),
    language('lgnet_text', 'lgnet_irstd1k_small_clip'),
    language('lgnet_never', 'lgnet_irstd1k_small_clip_never'),
    run('dnanet_r18', 'baselines/dnanet_r18_irstd1k', 3.5),
    run('alcnet', 'baselines/alcnet_irstd1k', 3.5, 'train_dataloader.batch_size=8',
        'optim_wrapper.optimizer.eps=6.4e-6'),
    run('acm_fpn', 'baselines/acm_fpn_irstd1k', 2.8),
]
