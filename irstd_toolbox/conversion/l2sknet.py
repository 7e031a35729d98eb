"""L2SKNet's weights, all four forms: names of the authors' repository."""

from torch import Tensor

from .sources import renamed, source

__all__ = ['convert']

KERNELS = [
    (r'contrast3\.', 'neck.saliency.3.branches.0.'),
    (r'contrast(\d)_(\d)\.', r'neck.saliency.\1.branches.\2.'),
    (r'contrConV_(\d)\.', r'neck.saliency.\1.mix.'),
]
PYRAMID = [
    (r'layer(\d)\.', r'backbone.stages.\1.'),
    *((rf'fuse{i + 1}{i}\.feature_high\.', f'neck.projections.{i}.') for i in range(3)),
    (r'head\.block\.([01])\.', r'decode_head.hidden.0.\1.'),
    (r'head\.block\.4\.', 'decode_head.predict.'),
]
U_NET = [
    *((rf'Conv{i + 1}\.conv\.', f'backbone.stages.{i}.') for i in range(4)),
    *((rf'Up{i + 2}\.up\.{k + 1}\.', f'neck.projections.{i}.{k}.') for i in range(3) for k in range(2)),
    *((rf'Up_conv{i + 2}\.conv\.', f'neck.decoders.{i}.') for i in range(3)),
    (r'Conv\.', 'decode_head.predict.'),
]
INSIDE = {'.0.attn.avg_channel.': '.0.gate.', '.0.conv_1xn.': '.0.row.', '.0.conv_nx1.': '.0.column.'}


@source('l2sknet', repository='fengyiwu98/L2SKNet', licence='MIT')
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of the segmentor; the full kernels beside factorised ones, which nothing reads, are dropped."""
    state = {name.removeprefix('model.'): tensor for name, tensor in state.items()}
    factorised = any('.conv_1xn.' in name for name in state)
    unread = [(r'contrast\d(_\d)?\.0\.conv\.', None)] if factorised else []
    result = {}
    for name, tensor in renamed(state, [*unread, *KERNELS, *PYRAMID, *U_NET]).items():
        for theirs, ours in INSIDE.items():
            name = name.replace(theirs, ours)
        result[name] = tensor
    return result
