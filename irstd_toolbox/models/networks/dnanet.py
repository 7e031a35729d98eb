"""DNANet: a triangle of attention blocks in which every node sees its neighbours above, below and before.

Li et al., "Dense Nested Attention Network for Infrared Small Target Detection", IEEE TIP 32, 2023 (arXiv 2106.00487).
In the order of the paper's figure: the first column is the encoder (backbone, :class:`ResidualEncoder`), the rest of
the triangle the dense nested interactive module (neck), the feature pyramid fusion and the outputs are the head.
"""

import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ...registry import MODELS
from ..fusion import fusion_of_levels
from ..layers import resize, stretch
from .residual import residual_stage, xavier_
from .unet import SkipJoin

__all__ = ['DeepSupervisionHead', 'DenseNestedNeck', 'NestedNode']


class NestedNode(nn.Module):
    """One node of the triangle.

    Args:
        width: Channels of the node and of all maps of its level.
        deeper: Channels of the level below.
        shallower: Channels of the level above; 0 on the finest level, which has none.
        column: ``j``, which is how many maps of its own level come before it.
        blocks: Residual blocks.
        fusion: Fusion block that makes one map of the level's last map and the one from below; None concatenates.

    Shape:
        - row: ``j`` maps ``(N, width, H, W)``
        - below: ``(N, deeper, h, w)``
        - above: ``(N, shallower, 2H, 2W)`` or None
        - Output: ``(N, width, H, W)``
    """

    def __init__(self, width: int, deeper: int, shallower: int, column: int, blocks: int, fusion: dict | None) -> None:
        super().__init__()
        self.join = SkipJoin(width, deeper, fusion)
        self.stage = residual_stage((column - 1) * width + self.join.out_channels + shallower, width, blocks)

    def forward(self, row: list[Tensor], below: Tensor, above: Tensor | None, descriptor: Tensor | None) -> Tensor:
        size = row[0].shape[-2:]
        inputs = [*row[:-1], self.join(row[-1], stretch(below, size), descriptor)]
        if above is not None:
            inputs.append(stretch(above, size))
        return self.stage(torch.cat(inputs, dim=1))


@MODELS.register_module()
class DenseNestedNeck(nn.Module):
    r"""The triangle without its first column: the dense nested interactive module.

    With the encoder's maps :math:`x_{i,0}`, :math:`i` = 0 being the finest level and :math:`j` the column:

    .. math::
        x_{i,j} = \mathcal{F}([x_{i,0}, \ldots, x_{i,j-1},\ \mathcal{U}(x_{i+1,j-1}),\ \mathcal{D}(x_{i-1,j})])

    where :math:`\mathcal{F}` are residual attention blocks, :math:`\mathcal{U}` doubles and :math:`\mathcal{D}` halves
    the size; the finest level has no map above it. UNet++ has the same triangle without :math:`\mathcal{D}`.

    Args:
        in_channels: Channels of the encoder's maps, finest first, at least two.
        blocks: Residual blocks of a node on each level but the deepest, finest first.
        fusion: Fusion block of :math:`x_{i,j-1}` and :math:`\mathcal{U}(x_{i+1,j-1})` in the place of their
            concatenation (config, without ``channels``); None for the paper's network.
        language_fusion: The same for the one node on the deepest level that has one, between the last two encoder maps;
            None to do there as on the other levels.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: with ``L`` maps in, :math:`x_{0,1}, \ldots, x_{0,L-2}` and then the pyramid
          :math:`x_{0,L-1}, x_{1,L-2}, \ldots, x_{L-1,0}`, finest first

    Raises:
        ConfigError: If ``blocks`` is not one shorter than ``in_channels``, or there is one map only.

    Note:
        Both resamplings are bilinear with aligned corners, to the size of the level, so that any image size works.

    References:
        DNANet, dense nested interactive module and channel and spatial attention module.
    """

    def __init__(self, in_channels: tuple[int, ...] = (16, 32, 64, 128, 256), blocks: tuple[int, ...] = (1, 2, 2, 2),
                 fusion: dict | None = None, language_fusion: dict | None = None) -> None:
        super().__init__()
        if len(in_channels) < 2 or len(blocks) != len(in_channels) - 1:
            raise ConfigError(f'{len(in_channels)} encoder maps and {len(blocks)} numbers of blocks; at least two maps '
                              'are expected, and one number a level, the deepest left out.')
        self.levels = len(in_channels)
        self.out_channels = [in_channels[0]] * (self.levels - 2) + list(in_channels)
        configs = fusion_of_levels(len(blocks), fusion, language_fusion)
        self.nodes = nn.ModuleDict({
            f'{i}_{j}': NestedNode(in_channels[i], in_channels[i + 1], in_channels[i - 1] if i else 0, j, blocks[i],
                                   configs[i])
            for j in range(1, self.levels) for i in range(self.levels - j)})
        xavier_(self)

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        rows = [[x] for x in feats]
        for j in range(1, self.levels):
            for i in range(self.levels - j):
                above = rows[i - 1][j] if i else None
                rows[i].append(self.nodes[f'{i}_{j}'](rows[i], rows[i + 1][j - 1], above, descriptor))
        return [*rows[0][1:-1], *(row[-1] for row in rows)]


@MODELS.register_module()
class DeepSupervisionHead(nn.Module):
    r"""The feature pyramid fusion with the prediction, and one logit map from each earlier node of the finest level.

    .. math::
        p = \mathrm{Conv}(\mathcal{F}([\mathcal{U}(\mathrm{Conv}\,x_{L-1,0}), \ldots,
        \mathcal{U}(\mathrm{Conv}\,x_{1,L-2}), x_{0,L-1}])),\quad s_j = \mathrm{Conv}\,x_{0,j}

    Args:
        in_channels: Channels of the pyramid, finest first: those of the encoder's maps.

    Shape:
        - feats: list of ``(N, C, H, W)`` as :class:`DenseNestedNeck` gives it
        - size: ``(H, W)`` of the logits
        - Output: ``[p, s_1, ..., s_{L-2}]``, each ``(N, 1, H, W)``, logits

    Note:
        The published code averages the losses of all four maps: ``supervision='mean'``.

    References:
        DNANet, feature pyramid fusion module.
    """

    def __init__(self, in_channels: tuple[int, ...] = (16, 32, 64, 128, 256)) -> None:
        super().__init__()
        width, *deeper = in_channels
        self.reduce = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in deeper)
        self.fuse = residual_stage(width * len(in_channels), width, 1)
        self.final = nn.Conv2d(width, 1, 1)
        self.sides = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in deeper[1:])
        xavier_(self)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        top, (finest, *deeper) = feats[:len(self.sides)], feats[len(self.sides):]
        pyramid = [stretch(conv(x), finest.shape[-2:]) for conv, x in zip(self.reduce, deeper, strict=True)]
        prediction = self.final(self.fuse(torch.cat([*pyramid[::-1], finest], dim=1)))
        sides = [side(x) for side, x in zip(self.sides, top, strict=True)]
        return [resize(logits, size) for logits in (prediction, *sides)]
