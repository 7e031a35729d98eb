r"""Networks and recipes of LGNet on NUAA-SIRST in one slot of a GPU: docs/results.md.

    python tools/slots.py pack configs/slots/nuaa_sirst.py --results work_dirs/slots_gpu3/nuaa_sirst \
        --out work_dirs/slots_gpu3/nuaa_sirst_boxes --wheels wheels

Most urgent first, for --at-once 5 of a slot of 9 minutes; each ends its schedules with its minutes. Nothing needs an
encoder or a sentence.
"""

data = {'NUAA-SIRST': '{{$IRSTD_DATA_ROOT:data}}/NUAA-SIRST'}


def run(name: str, config: str, minutes: float, *options: str) -> dict:
    fast = ['channels_last=True', 'train_dataloader.dataset.in_memory=True', 'val_dataloader.dataset.in_memory=True',
            'train_cfg.val_interval=10']
    return dict(name=name, config=f'configs/{config}.py', minutes=minutes, options=[*fast, *options],
                train=['--amp', 'bf16', '--anneal'], test=['--protocol', 'canonical', 'lgnet'])


def recipe(name: str, *options: str, config: str = 'lgnet_nuaa_sirst_fusion', side: int = 256) -> dict:
    sizes = [f'{loader}_dataloader.dataset.pipeline.{step}.size={side}'
             for loader, step in (('train', 3), ('val', 2), ('test', 2))]
    return run(name, f'ablations/{config}', 2.6, *sizes, *options)


runs = [
    run('ilnet_s', 'baselines/ilnet_s_nuaa_sirst', 8.3),
    run('uiunet', 'baselines/uiunet_nuaa_sirst', 8.3, 'train_dataloader.batch_size=8'),
    run('alcnet', 'baselines/alcnet_nuaa_sirst', 8.3, 'train_dataloader.batch_size=8',
        'optim_wrapper.optimizer.eps=6.4e-6'),
    run('acm_fpn', 'baselines/acm_fpn_nuaa_sirst', 2.2),
    recipe('recipe_256'),
    recipe('recipe_soft_iou', 'model.loss.type=SoftIoULoss'),
    recipe('recipe_final_map', 'model.supervision=final'),
    recipe('recipe_average', config='lgnet_nuaa_sirst_fusion_ema'),
    recipe('recipe_384', side=384),
]
