"""LGNet with and without its parts, ACM, DNANet, Top-Hat, MPCM and IPI on synthetic scenes, three seeds.

    python tools/benchmark.py --suite configs/suites/synthetic.py --train

Nothing is downloaded: LGNet is at reduced width, and its CLIP is an untrained stand-in. What this shows is that the
path from data to tables works and that networks learn on it, not the worth of language or of a network.
"""

title = 'Synthetic scenes of 96x96'
seeds = [0, 1, 2]
datasets = [dict(name='synthetic', synthesize=[
    '--train', '200', '--test', '50', '--size', '96', '96', '--targets', '1', '2', '--snr', '10', '25',
    '--max-contrast', '2'])]
entries = [
    dict(config='../synthetic/lgnet_baseline.py', name='LGNet, baseline', group='LGNet (Table 6)'),
    dict(config='../synthetic/lgnet_fusion.py', name='LGNet, + fusion', group='LGNet (Table 6)'),
    dict(config='../synthetic/lgnet.py', name='LGNet, + language fusion', group='LGNet (Table 6)',
         describe=dict(provider='mask_caption')),
    dict(config='../synthetic/acm_fpn.py', name='ACM-FPN', group='Networks'),
    dict(config='../synthetic/dnanet_r10.py', name='DNANet, ResNet-10', group='Networks'),
    dict(config='../baselines/top_hat_irstd1k.py', name='Top-Hat', group='Model-driven'),
    dict(config='../baselines/mpcm_irstd1k.py', name='MPCM', group='Model-driven'),
    dict(config='../baselines/ipi_irstd1k.py', name='IPI', group='Model-driven'),
]
