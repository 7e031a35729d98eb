"""LGNet without language and ACM on NUAA-SIRST as far as a CPU can train them, and formulas beside them.

Trained before, by tools/train.py, as docs/results.md says; then:

    python tools/benchmark.py --suite configs/suites/cpu_nuaa_sirst.py

Windows of 128x128 at the size of the file, 60 epochs, batch 8; loss and optimizer of each network's own paper. LGNet
goes on for 12 epochs on windows anywhere. Beside other work, two cores took 96 and 16 minutes for LGNet.
"""

title = 'NUAA-SIRST on a CPU'
protocols = ['canonical', 'lgnet', 'basicirstd']


def network(name: str, config: str) -> dict:
    return dict(config=f'../cpu/{config}.py', name=name, checkpoint=f'../../work_dirs/{config}')


entries = [
    network('LGNet without language', 'lgnet_fusion_nuaa_sirst_128_anywhere'),
    network('LGNet without language, windows around targets alone', 'lgnet_fusion_nuaa_sirst_128'),
    network('ACM-FPN', 'acm_fpn_nuaa_sirst_128'),
    network('ACM-U-Net', 'acm_unet_nuaa_sirst_128'),
    dict(config='../baselines/top_hat_nuaa_sirst.py', name='Top-Hat'),
    dict(config='../baselines/pstnn_nuaa_sirst.py', name='PSTNN'),
]
