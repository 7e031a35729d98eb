"""ACM-FPN, ILNet-S and LGNet that went on from NUAA-SIRST's weights with IRSTD-1k, three seeds each.

LGNet's are of its last three epochs; the four before are one seed's. The first seeds' weights are in the
repository, the others are trained before, as docs/results.md says:

    python tools/benchmark.py --suite configs/suites/cpu_irstd1k.py
"""

title = 'IRSTD-1k on a CPU'
protocols = ['canonical', 'lgnet']


def seeds(name: str, config: str) -> dict:
    return dict(config=f'../cpu/{config}.py', name=name, checkpoint=[
        f'../cpu/{config}.safetensors', *(f'../../work_dirs/{config}_{seed}.safetensors' for seed in (1, 2))])


entries = [
    seeds('ACM-FPN, 24 epochs more', 'acm_fpn_irstd1k_transfer'),
    seeds('ILNet-S, 10 epochs more', 'ilnet_s_irstd1k_transfer'),
    seeds('LGNet without language, 7 epochs more', 'lgnet_irstd1k_transfer_384_again'),
]
