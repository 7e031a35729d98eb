"""The weights that the repository holds, each on both data sets: what a network is worth on scenes of another kind.

    python tools/benchmark.py --suite configs/suites/published.py

The last three began with NUAA-SIRST's and went on with IRSTD-1k's training list.
"""

title = 'Published weights on both data sets'
protocols = ['canonical', 'lgnet']
datasets = [dict(name=name, root='{{$IRSTD_DATA_ROOT:data}}/' + name) for name in ('NUAA-SIRST', 'IRSTD-1k')]


def published(name: str, file: str) -> dict:
    return dict(config=f'../{file}.py', name=name, checkpoint=f'../{file}.safetensors')


entries = [
    published('LGNet without language, of NUAA-SIRST', 'gpu/lgnet_scaled_nuaa_sirst'),
    published('ALCNet, of NUAA-SIRST', 'gpu/alcnet_nuaa_sirst'),
    published('ACM-FPN, of NUAA-SIRST', 'cpu/acm_fpn_nuaa_sirst'),
    published('ILNet-S, of NUAA-SIRST', 'cpu/ilnet_s_nuaa_sirst_256'),
    published('ALCNet, of IRSTD-1k', 'gpu/alcnet_irstd1k'),
    published('LGNet without language, of NUAA-SIRST, then IRSTD-1k', 'cpu/lgnet_irstd1k_transfer_384_again'),
    published('ACM-FPN, of NUAA-SIRST, then IRSTD-1k', 'cpu/acm_fpn_irstd1k_transfer'),
    published('ILNet-S, of NUAA-SIRST, then IRSTD-1k', 'cpu/ilnet_s_irstd1k_transfer'),
]
