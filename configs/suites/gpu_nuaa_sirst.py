"""LGNet with and without language, DNANet and ALCNet on NUAA-SIRST after two slots of a GPU that several shared.

Trained before, in the slots, as docs/results.md says; then:

    python tools/benchmark.py --suite configs/suites/gpu_nuaa_sirst.py
"""

title = 'NUAA-SIRST, slots of a GPU'
protocols = ['canonical', 'lgnet', 'basicirstd']


def network(name: str, config: str, checkpoint: str) -> dict:
    return dict(config=f'../{config}.py', name=name, checkpoint=f'../../work_dirs/{checkpoint}',
                options={'channels_last': True})


entries = [
    network('LGNet without language, scaled, cut and blurred, 47 epochs', 'ablations/lgnet_nuaa_sirst_fusion_scaled',
            'slots_gpu2/results/lgnet_scaled_eager'),
    network('LGNet, text in training only, small CLIP, 38 epochs', 'ablations/lgnet_nuaa_sirst_small_clip',
            'slots_gpu2/results/lgnet_small_clip_eager'),
    network('LGNet without language, 33 epochs', 'ablations/lgnet_nuaa_sirst_fusion',
            'slots_gpu2/results/lgnet_fusion2'),
    network('LGNet without language, 15 epochs of constant rate', 'ablations/lgnet_nuaa_sirst_fusion',
            'slots_gpu/results/lgnet_fusion_0'),
    network('DNANet, ResNet-18, 48 epochs', 'baselines/dnanet_r18_nuaa_sirst', 'slots_gpu2/results/dnanet_r18'),
    network('DNANet, ResNet-18, 25 epochs of constant rate', 'baselines/dnanet_r18_nuaa_sirst',
            'slots_gpu/results/dnanet_r18_0'),
    network('ALCNet, batches of 8, 21 epochs', 'baselines/alcnet_nuaa_sirst', 'slots_gpu/results/alcnet_0'),
]
