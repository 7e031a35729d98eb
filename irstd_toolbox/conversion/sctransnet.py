"""SCTransNet's weights: names of the authors' repository."""

from torch import Tensor

from .sources import BY_DATA, renamed, source

__all__ = ['convert']

LEVELS = range(1, 5)
BLOCK = r'mtc\.encoder\.layer\.(\d+)\.'
FEED_FORWARD = {'project_in': 'widen', r'dwconv3x3': 'fine', r'dwconv5x5': 'coarse', 'project_out': 'narrow',
                r'eca\.conv\.0': 'weights'}
STEM = [
    (r'inc\.0\.', 'backbone.stages.0.'),
    (r'down_encoder(\d)\.0\.', r'backbone.stages.\1.'),
    (BLOCK + r'channel_attn\.q\d_attn\d$', None),
    (BLOCK + r'channel_attn\.mhead([kv])\.', r'neck.blocks.\1.attention.\2.0.'),
    (BLOCK + r'channel_attn\.([kv])\.', r'neck.blocks.\1.attention.\2.1.'),
    (BLOCK + r'attn_norm\.body\.', r'neck.blocks.\1.joint_norm.'),
    (r'outc\.', 'decode_head.predict.'),
    (r'outconv\.', 'decode_head.combine.'),
]


def _level(number: int) -> list[tuple[str, str | None]]:
    """Rules of one level; the authors count from 1."""
    i = number - 1
    block = r'neck.blocks.\1.'
    return [
        (rf'mtc\.embeddings_{number}\.position_embeddings', None),
        (rf'mtc\.embeddings_{number}\.patch_embeddings\.', f'neck.embeddings.{i}.'),
        (rf'{BLOCK}attn_norm{number}\.body\.', f'{block}level_norms.{i}.'),
        (rf'{BLOCK}channel_attn\.mhead{number}\.', f'{block}attention.queries.{i}.0.'),
        (rf'{BLOCK}channel_attn\.q{number}\.', f'{block}attention.queries.{i}.1.'),
        (rf'{BLOCK}channel_attn\.project_out{number}\.', f'{block}attention.projections.{i}.'),
        (rf'{BLOCK}ffn_norm{number}\.body\.', f'{block}forward_norms.{i}.'),
        *((rf'{BLOCK}ffn{number}\.{theirs}\.', f'{block}forwards.{i}.{ours}.')
          for theirs, ours in FEED_FORWARD.items()),
        (rf'mtc\.encoder\.encoder_norm{number}\.body\.', f'neck.norms.{i}.'),
        (rf'mtc\.reconstruct_{number}\.conv\.', f'neck.reconstructions.{i}.0.'),
        (rf'mtc\.reconstruct_{number}\.norm\.', f'neck.reconstructions.{i}.1.'),
        (rf'up_decoder{number}\.coatt\.mlp_x\.1\.', f'neck.fusions.{i}.low_weights.'),
        (rf'up_decoder{number}\.coatt\.mlp_g\.1\.', f'neck.fusions.{i}.high_weights.'),
        (rf'up_decoder{number}\.nConvs\.(\d)\.conv\.', rf'neck.decoders.{i}.\1.0.'),
        (rf'up_decoder{number}\.nConvs\.(\d)\.norm\.', rf'neck.decoders.{i}.\1.1.'),
        (rf'gt_conv{number + 1}\.0\.', f'decode_head.sides.{i}.'),
    ]


@source('sctransnet', repository='xdFai/SCTransNet', licence='none stated', statistics=BY_DATA)
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of the segmentor; position embeddings and attention weights that nothing reads are dropped."""
    state = {name.removeprefix('model.'): tensor for name, tensor in state.items()}
    result = renamed(state, [*STEM, *(rule for number in LEVELS for rule in _level(number))])
    return {name.replace('.attention.k.', '.attention.key.').replace('.attention.v.', '.attention.value.'): tensor
            for name, tensor in result.items()}
