"""What else moves LGNet's figures: loss, deep supervision, resolution, augmentation, averaged weights, start.

    python tools/benchmark.py --suite configs/suites/recipes_nuaa_sirst.py --train --seeds 0 1 2

Each row differs from the first in what its name says. All are without language, so that no encoder and no sentence is
needed, and the recipe alone differs. A threshold other than 0.5 is chosen after training: tools/tune_threshold.py.
"""

title = 'Recipes of LGNet without language on NUAA-SIRST'
protocols = ['canonical', 'lgnet']


def recipe(name: str, config: str = 'lgnet_nuaa_sirst_fusion', **options: object) -> dict:
    return dict(config=f'../ablations/{config}.py', name=name, group='Recipes', options=options)


def at_size(side: int) -> dict:
    return recipe(f'{side}x{side}', **{f'{loader}_dataloader.dataset.pipeline.{step}.size': (side, side)
                                       for loader, step in (('train', 3), ('val', 2), ('test', 2))})


entries = [
    recipe('BCE of all maps, 512x512, mirrored'),
    recipe('soft IoU', **{'model.loss.type': 'SoftIoULoss'}),
    recipe('BCE and Dice', **{'model.loss': [dict(type='BCELoss'), dict(type='DiceLoss')]}),
    recipe('focal loss', **{'model.loss.type': 'FocalLoss'}),
    recipe('SLS loss', **{'model.loss.type': 'SLSLoss', 'model.loss.warm_epochs': 6}),
    recipe('mean of all maps', **{'model.supervision': 'mean'}),
    recipe('no deep supervision', **{'model.supervision': 'final'}),
    recipe('deep supervision after scaling', **{'model.decode_head.supervise': 'scaled'}),
    recipe("PyTorch's initialisation", **{'model.decode_head.prior': None}),
    at_size(256),
    at_size(384),
    at_size(640),
    recipe('not mirrored', **{'train_dataloader.dataset.pipeline.4.horizontal': 0.0,
                              'train_dataloader.dataset.pipeline.4.vertical': 0.0}),
    recipe('scaled, cut and blurred', 'lgnet_nuaa_sirst_fusion_scaled'),
    recipe('moving average of the weights', 'lgnet_nuaa_sirst_fusion_ema'),
]
