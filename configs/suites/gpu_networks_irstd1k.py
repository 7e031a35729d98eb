"""DNANet, ALCNet, ACM and LGNet on IRSTD-1k after a slot of a GPU (configs/slots/irstd1k.py).

Trained and tested there, as docs/results.md says; their predictions are scored here:

    python tools/benchmark.py --suite configs/suites/gpu_networks_irstd1k.py
"""

title = 'IRSTD-1k, networks in a slot of a GPU'
protocols = ['canonical', 'lgnet']


def tested(name: str, config: str, run: str, **options: object) -> dict:
    return dict(config=f'../{config}.py', name=name, options=options, tested=[
        dict(folder=f'../../work_dirs/slots_gpu3/irstd1k/{run}/test', seed=0)])


def language(name: str, config: str, run: str) -> dict:
    return tested(name, f'ablations/{config}', run, **{
        f'{loader}_dataloader.dataset.pipeline.{step}.size': (256, 256)
        for loader, step in (('train', 3), ('val', 2), ('test', 2))})


entries = [
    tested('DNANet, ResNet-18, 8 epochs', 'baselines/dnanet_r18_irstd1k', 'dnanet_r18'),
    tested('ALCNet, batches of 8, 10 epochs', 'baselines/alcnet_irstd1k', 'alcnet'),
    tested('ACM-FPN, 14 epochs', 'baselines/acm_fpn_irstd1k', 'acm_fpn'),
    language('LGNet, text in training only, small CLIP, 256x256, 6 epochs', 'lgnet_irstd1k_small_clip', 'lgnet_text'),
    language('LGNet, no text, small CLIP, 256x256, 6 epochs', 'lgnet_irstd1k_small_clip_never', 'lgnet_never'),
]
