"""UIU-Net, ALCNet, ACM and recipes of LGNet on NUAA-SIRST after three slots of a GPU.

Trained and tested there (configs/slots/nuaa_sirst.py, nuaa_sirst_512.py, nuaa_sirst_seeds.py), as docs/results.md says;
their predictions are scored here:

    python tools/benchmark.py --suite configs/suites/gpu_networks_nuaa_sirst.py
"""

title = 'NUAA-SIRST, networks and recipes in slots of a GPU'
protocols = ['canonical', 'lgnet']


def tested(name: str, config: str, run: str, slot: int = 3, **options: object) -> dict:
    return dict(config=f'../{config}.py', name=name, options=options, tested=[
        dict(folder=f'../../work_dirs/slots_gpu{slot}/nuaa_sirst/{run}/test', seed=0)])


def recipe(name: str, run: str, side: int = 256, **options: object) -> dict:
    sizes = {f'{loader}_dataloader.dataset.pipeline.{step}.size': (side, side)
             for loader, step in (('train', 3), ('val', 2), ('test', 2))}
    row = tested(name, 'ablations/lgnet_nuaa_sirst_fusion', run, **sizes, **options)
    return dict(row, group='Recipes of LGNet without language at 256x256')


def scaled(name: str, config: str = '../ablations/lgnet_nuaa_sirst_fusion_scaled.py', **more: object) -> dict:
    return dict(
        more, config=config, name=f'LGNet, scaled, {name}', group='Recipes of LGNet without language at 512x512')


entries = [
    scaled('BCE of all maps, 47 epochs', options={'channels_last': True},
           checkpoint='../../work_dirs/lgnet_scaled_47_epochs.safetensors'),
    scaled('BCE of the final map, 59 epochs', options={'model.supervision': 'final'},
           tested=[dict(folder='../../work_dirs/slots_gpu4/nuaa_sirst/final_map/test', seed=0)]),
    scaled('soft IoU of the final map, 57 epochs, published weights', '../gpu/lgnet_scaled_nuaa_sirst.py',
           options={'channels_last': True}, checkpoint='../gpu/lgnet_scaled_nuaa_sirst.safetensors'),
    scaled('the same weights, four mirrored views', '../gpu/lgnet_scaled_nuaa_sirst.py',
           options={'channels_last': True, 'model.views.mirrored': True},
           tested=[dict(folder='../../work_dirs/published_views/mirrored', seed=0)]),
    scaled('soft IoU of the final map, 53 to 60 epochs', '../gpu/lgnet_scaled_nuaa_sirst.py', tested=[
        dict(folder=f'../../work_dirs/slots_gpu5/nuaa_sirst/soft_iou_{seed}/test', seed=seed) for seed in range(3)]),
    tested('ACM-FPN, 158 epochs', 'baselines/acm_fpn_nuaa_sirst', 'acm_fpn', slot=5),
    dict(config='../gpu/alcnet_nuaa_sirst.py', name='ALCNet, batches of 8, 84 epochs, published weights',
         checkpoint='../gpu/alcnet_nuaa_sirst.safetensors'),
    tested('UIU-Net, batches of 8, 39 epochs', 'baselines/uiunet_nuaa_sirst', 'uiunet'),
    recipe('LGNet at 256x256, BCE of all maps, 16 epochs', 'recipe_256'),
    recipe('LGNet at 256x256, soft IoU, 14 epochs', 'recipe_soft_iou', **{'model.loss.type': 'SoftIoULoss'}),
    recipe('LGNet at 256x256, BCE of the final map, 16 epochs', 'recipe_final_map', **{'model.supervision': 'final'}),
    recipe('LGNet at 384x384, BCE of all maps, 10 epochs', 'recipe_384', side=384),
]
