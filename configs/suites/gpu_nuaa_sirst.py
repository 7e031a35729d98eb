"""LGNet without language, DNANet and ALCNet on NUAA-SIRST after eight minutes of one GPU that six trainings shared.

Trained before, in a slot, as docs/results.md says; then:

    python tools/benchmark.py --suite configs/suites/gpu_nuaa_sirst.py
"""

title = 'NUAA-SIRST, a slot of a GPU'
protocols = ['canonical', 'lgnet', 'basicirstd']


def network(name: str, config: str, checkpoint: str) -> dict:
    return dict(config=f'../{config}.py', name=name, checkpoint=f'../../work_dirs/{checkpoint}',
                options={'channels_last': True})


entries = [
    network('LGNet without language, 15 + 3 epochs', 'gpu/lgnet_fusion_nuaa_sirst',
            'lgnet_fusion_nuaa_sirst_gpu/epoch_3.pth'),
    network('LGNet without language, 15 + 1 epochs', 'gpu/lgnet_fusion_nuaa_sirst', 'lgnet_fusion_nuaa_sirst_gpu'),
    network('LGNet without language, 15 epochs', 'ablations/lgnet_nuaa_sirst_fusion',
            'slots_gpu/results/lgnet_fusion_0'),
    network('LGNet without language, scaled, cut and blurred, 18 epochs', 'ablations/lgnet_nuaa_sirst_fusion_scaled',
            'slots_gpu/results/lgnet_fusion_scaled_0'),
    network('DNANet, ResNet-18, 25 epochs', 'baselines/dnanet_r18_nuaa_sirst', 'slots_gpu/results/dnanet_r18_0'),
    network('ALCNet, batches of 8, 21 epochs', 'baselines/alcnet_nuaa_sirst', 'slots_gpu/results/alcnet_0'),
]
