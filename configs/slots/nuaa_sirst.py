r"""What docs/results.md lacks on NUAA-SIRST, for slots of a GPU: other networks, further seeds, recipes.

    python tools/slots.py pack configs/slots/nuaa_sirst.py --results work_dirs/slots/results --out work_dirs/slots \
        --wheels wheels

Most urgent first, for --at-once 4; each ends its schedules with its minutes, 48 of them in all. Nothing needs an
encoder or a sentence.
"""

data = {'NUAA-SIRST': '{{$IRSTD_DATA_ROOT:data}}/NUAA-SIRST'}


def run(name: str, config: str, minutes: float, *options: str, seed: int = 0) -> dict:
    fast = ['channels_last=True', 'train_dataloader.dataset.in_memory=True', 'val_dataloader.dataset.in_memory=True',
            'train_cfg.val_interval=10']
    return dict(name=name, config=f'configs/{config}.py', minutes=minutes, seed=seed, options=[*fast, *options],
                train=['--amp', 'bf16', '--anneal'], test=['--protocol', 'canonical', 'lgnet'])


def recipe(name: str, *options: str, config: str = 'lgnet_nuaa_sirst_fusion') -> dict:
    return run(name, f'ablations/{config}', 3, *options)


runs = [
    run('lgnet_scaled_1', 'ablations/lgnet_nuaa_sirst_fusion_scaled', 7, seed=1),
    run('uiunet', 'baselines/uiunet_nuaa_sirst', 6),
    run('ilnet_s', 'baselines/ilnet_s_nuaa_sirst', 5),
    run('acm_fpn', 'baselines/acm_fpn_nuaa_sirst', 3),
    run('alcnet', 'baselines/alcnet_nuaa_sirst', 5, 'train_dataloader.batch_size=8',
        'optim_wrapper.optimizer.eps=6.4e-6'),
    run('lgnet_scaled_2', 'ablations/lgnet_nuaa_sirst_fusion_scaled', 7, seed=2),
    recipe('recipe_paper'),
    recipe('recipe_soft_iou', 'model.loss.type=SoftIoULoss'),
    recipe('recipe_final_map', 'model.supervision=final'),
    recipe('recipe_average', config='lgnet_nuaa_sirst_fusion_ema'),
    recipe('recipe_256', *(f'{loader}_dataloader.dataset.pipeline.{step}.size=256'
                           for loader, step in (('train', 3), ('val', 2), ('test', 2)))),
]
