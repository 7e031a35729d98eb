"""Weights of BasicIRSTD's ISNet."""

from torch import Tensor

from .acm_pytorch import Rules, stage_rules
from .sources import BY_DATA, renamed, source

__all__ = ['convert']

FUSION = {r'dcn_colum\.conv_offset': 'column.offset', 'dcn_colum': 'column.conv',
          r'dcn_row\.conv_offset': 'row.offset', 'dcn_row': 'row.conv', 'preprocess': 'prepare'}
CHANGE = {'conv1': '0', 'bn1': '1', 'conv2': '3', 'bn2': '4'}
RULES: Rules = [
    # Constructed, and never called.
    (r'(res[123]|d[123]|cw|gate[123]|SA|SA_att|head2|conv2_1|conv16)\.', None),
    (r'grad\.weight_[hv]', None),
    (r'stem\.', 'network.backbone.stem.'),
    *stage_rules({'layer1': 'network.backbone.stages.0', 'layer2': 'network.backbone.stages.1',
                  'layer3': 'network.backbone.stages.2', 'uplayer1': 'network.neck.stages.0',
                  'uplayer2': 'network.neck.stages.1'}, {'body': 'body', 'downsample': 'shortcut'}),
    *((rf'{block}\.{part}\.', f'network.neck.fusions.{level}.{ours}.')
      for block, level in (('TTOA_high', 0), ('TTOA_low', 1)) for part, ours in FUSION.items()),
    (r'deconv1\.', 'network.neck.enlarge.0.'),
    (r'deconv2\.', 'network.neck.enlarge.1.'),
    (r'head\.', 'network.head.'),
    (r'dsup\.', 'network.edge.widen.'),
    *((rf'dsn{i + 1}\.', f'network.edge.sides.{i}.') for i in range(3)),
    *((rf'myb{i + 1}\.res{j + 1}\.{part}\.', f'network.edge.blocks.{i}.{change}.{ours}.')
      for i in range(3) for j, change in enumerate(('first', 'second')) for part, ours in CHANGE.items()),
    *((rf'myb{i + 1}\.gate\._gate_conv\.', f'network.edge.blocks.{i}.gate.weigh.') for i in range(3)),
    *((rf'myb{i + 1}\.gate\.', f'network.edge.blocks.{i}.gate.conv.') for i in range(3)),
    (r'fuse\.', 'network.edge.fuse.'),
]


@source('basicirstd-isnet', repository='XinyiYing/BasicIRSTD', licence='none stated', statistics=BY_DATA)
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Layers that its forward pass never uses, and the two constant kernels of the gradient, are dropped."""
    return renamed({name.removeprefix('model.'): tensor for name, tensor in state.items()}, RULES)
