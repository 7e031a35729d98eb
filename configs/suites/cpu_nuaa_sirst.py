"""LGNet without language and ACM on NUAA-SIRST as far as a CPU can train them, and formulas beside them.

LGNet's weights are in the repository; ACM is trained before, by tools/train.py, as docs/results.md says; then:

    python tools/benchmark.py --suite configs/suites/cpu_nuaa_sirst.py

Loss and optimizer are those of each network's own paper. ACM-FPN on crops of 480 is its own recipe in less time; the
other networks have windows of 128x128 at the size of the file, 60 epochs, batch 8, LGNet 12 more on windows anywhere.
"""

title = 'NUAA-SIRST on a CPU'
protocols = ['canonical', 'lgnet', 'basicirstd']


def network(name: str, config: str, checkpoint: str | None = None) -> dict:
    return dict(config=f'../{config}.py', name=name, checkpoint=checkpoint or f'../../work_dirs/{config[4:]}')


entries = [
    network('LGNet without language', 'cpu/lgnet_fusion_nuaa_sirst_128_anywhere',
            '../cpu/lgnet_fusion_nuaa_sirst_128_anywhere.safetensors'),
    network('ACM-FPN, crops of 480', 'baselines/acm_fpn_nuaa_sirst', '../../work_dirs/acm_fpn_cpu'),
    network('ACM-FPN', 'cpu/acm_fpn_nuaa_sirst_128'),
    network('ACM-U-Net', 'cpu/acm_unet_nuaa_sirst_128'),
    dict(config='../baselines/top_hat_nuaa_sirst.py', name='Top-Hat'),
    dict(config='../baselines/pstnn_nuaa_sirst.py', name='PSTNN'),
]
