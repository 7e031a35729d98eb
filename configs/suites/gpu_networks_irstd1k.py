"""Networks on IRSTD-1k, and LGNet with and without text in training, after two slots of a GPU.

Trained and most of them tested there (configs/slots/irstd1k_512.py, irstd1k_scaled.py), ILNet on a CPU, as
docs/results.md says; their predictions are scored here:

    python tools/benchmark.py --suite configs/suites/gpu_networks_irstd1k.py
"""

title = 'IRSTD-1k, networks in slots of a GPU'
protocols = ['canonical', 'lgnet']


def tested(name: str, config: str, folder: str, **options: object) -> dict:
    return dict(config=f'../{config}.py', name=name, options=options, tested=[
        dict(folder=f'../../work_dirs/{folder}', seed=0)])


def language(name: str, config: str, run: str) -> dict:
    row = tested(f'LGNet, {name}, small CLIP, BCE of the final map, 23 epochs', f'ablations/{config}',
                 f'slots_gpu4/irstd1k/{run}/test', **{'model.supervision': 'final'})
    return dict(row, group='LGNet')


entries = [
    language('no text', 'lgnet_irstd1k_small_clip_never', 'lgnet_never'),
    language('text in training only', 'lgnet_irstd1k_small_clip', 'lgnet_text'),
    dict(tested('LGNet, no text, no CLIP, scaled, soft IoU of the final map, 22 epochs',
                'ablations/lgnet_irstd1k_fusion_scaled', 'slots_gpu5/irstd1k/lgnet_scaled/test',
                **{'model.supervision': 'final', 'model.loss.type': 'SoftIoULoss'}), group='LGNet'),
    tested('DNANet, ResNet-18, 29 epochs', 'baselines/dnanet_r18_irstd1k', 'slots_gpu5/irstd1k/dnanet_r18/test'),
    tested('UIU-Net, batches of 8, 18 epochs', 'gpu/uiunet_irstd1k_cosine', 'slots_gpu4/irstd1k/uiunet/test'),
    tested('ALCNet, batches of 8, 32 epochs, published weights', 'gpu/alcnet_irstd1k', 'alcnet_irstd1k_published'),
    tested('ACM-FPN, 68 epochs', 'baselines/acm_fpn_irstd1k', 'slots_gpu4/irstd1k/acm_fpn/test'),
    tested('ILNet-L, windows of 128', 'cpu/ilnet_l_irstd1k_128_anywhere', 'ilnet_l_irstd1k/test'),
    tested('ILNet-S, windows of 128', 'cpu/ilnet_s_irstd1k_128', 'ilnet_s_irstd1k_128/test'),
    tested('ILNet-S, then windows of 256', 'cpu/ilnet_s_irstd1k_256', 'ilnet_s_irstd1k_256/test'),
]
