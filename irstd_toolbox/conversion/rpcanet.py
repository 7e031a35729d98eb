"""Weights of RPCANet and RPCANet++, whatever their number of stages."""

from torch import Tensor

from .sources import renamed, source

__all__ = ['convert']

_STAGE = r'decos\.(\d+)\.'
_OURS = r'network.stages.\1.'
RULES = [
    (_STAGE + r'lowrank\.convs', _OURS + 'background'),
    (_STAGE + r'sparse\.convs', _OURS + 'target'),
    (_STAGE + r'sparse\.epsilon', _OURS + 'epsilon'),
    (_STAGE + r'merge\.mapping', _OURS + 'image'),
    # Only in RPCANet++. The first stage has no memory to read, and its convolutions for one are never run.
    (r'decos\.0\.lowrank\.ConvLSTM\.conv_(xf|h[fioj])', None),
    (_STAGE + r'lowrank\.ConvLSTM\.conv_x([fioj])', _OURS + r'background.memory.from_input.\2'),
    (_STAGE + r'lowrank\.ConvLSTM\.conv_h([fioj])', _OURS + r'background.memory.from_state.\2'),
    (_STAGE + r'lowrank\.conv1_C', _OURS + 'background.head'),
    (_STAGE + r'lowrank\.RB_1\.conv1', _OURS + 'background.before.convs.0'),
    (_STAGE + r'lowrank\.RB_1\.conv2', _OURS + 'background.before.convs.2'),
    (_STAGE + r'lowrank\.RB_2\.conv1', _OURS + 'background.after.convs.0'),
    (_STAGE + r'lowrank\.RB_2\.conv2', _OURS + 'background.after.convs.2'),
    (_STAGE + r'lowrank\.convC_1', _OURS + 'background.tail'),
    (_STAGE + r'sparse\.contrast\.2\.attn\.avg_channel', _OURS + 'prior.2.gate'),
    (_STAGE + r'sparse\.contrast', _OURS + 'prior'),
]


@source('rpcanet', repository='fengyiwu98/RPCANet', licence='MIT')
def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of both papers; RPCANet and RPCANet++ tell themselves apart by their names."""
    return renamed(state, RULES)
