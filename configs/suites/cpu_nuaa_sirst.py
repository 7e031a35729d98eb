"""LGNet without language and baselines on NUAA-SIRST under one recipe that a CPU can pay, and formulas beside them.

    python tools/benchmark.py --suite configs/suites/cpu_nuaa_sirst.py --train --protocol canonical lgnet basicirstd

Windows of 128x128 at the size of the file, 60 epochs, batch 8, Adan; each network with the loss of its paper. On two
cores LGNet takes about 80 minutes, the others less.
"""

title = 'NUAA-SIRST on a CPU'


def network(config: str, name: str) -> dict:
    return dict(config=f'../cpu/{config}_nuaa_sirst.py', name=name, group='Networks')


entries = [
    network('lgnet_fusion', 'LGNet without language'),
    network('acm_fpn', 'ACM-FPN'),
    network('acm_unet', 'ACM-U-Net'),
    network('alcnet', 'ALCNet'),
    dict(config='../baselines/top_hat_nuaa_sirst.py', name='Top-Hat', group='Model-driven'),
    dict(config='../baselines/pstnn_nuaa_sirst.py', name='PSTNN', group='Model-driven'),
]
