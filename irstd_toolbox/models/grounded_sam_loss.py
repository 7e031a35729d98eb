"""Fine-tuning of a two-stage text-guided box detector: boxes from masks, one-to-one matching, set loss."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn

from ..errors import ConfigError
from ..registry import MODELS

__all__ = ['BoxPredictions', 'BoxSetLoss', 'gaussian_similarity', 'generalised_iou', 'regions_of_mask', 'to_corners']

_ALPHA, _GAMMA = 0.25, 2.0  # of the focal loss


@dataclass(frozen=True)
class BoxPredictions:
    """What a two-stage text-guided detector gives of a batch.

    Args:
        layers: A pair (logits of query and token, boxes) for each decoder layer.
        proposals: The pair of the first stage, undetached; None for a detector of one stage.
        words: Which tokens are the image's text, marks and full stops included, padding excluded.
        phrases: Which tokens belong to the phrases of its prompt.

    Shape:
        - layers: ``(N, Q, T)`` and ``(N, Q, 4)`` each; boxes are (centre x, centre y, width, height), shares of the
          image's sides
        - words, phrases: ``(N, T)``, bool
    """

    layers: list[tuple[Tensor, Tensor]]
    proposals: tuple[Tensor, Tensor] | None
    words: Tensor
    phrases: Tensor


def regions_of_mask(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The 8-connected regions of a mask and their boxes, in raster order.

    Shape:
        - mask: ``(H, W)``
        - Output: ``(K, H, W)`` bool, and ``(K, 4)`` float: left, top, right, bottom in pixels, the last two the first
          column and row outside

    Example:
        >>> mask = torch.zeros(4, 5); mask[1, 2] = 1
        >>> regions_of_mask(mask)[1].tolist()
        [[2.0, 1.0, 3.0, 2.0]]
    """
    from scipy import ndimage
    labels, count = ndimage.label(mask.cpu().numpy() > 0, structure=np.ones((3, 3)))
    found = [(columns.start, rows.start, columns.stop, rows.stop) for rows, columns in ndimage.find_objects(labels)]
    boxes = torch.tensor(found, dtype=torch.float32, device=mask.device).reshape(-1, 4)
    numbers = torch.arange(1, count + 1, device=mask.device)[:, None, None]
    return torch.from_numpy(labels).to(mask.device) == numbers, boxes


def to_corners(boxes: Tensor) -> Tensor:
    """``(..., 4)`` from centre and sides to left, top, right and bottom."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def generalised_iou(one: Tensor, other: Tensor) -> Tensor:
    r"""Generalised IoU of boxes, broadcast.

    .. math:: \frac{|A \cap B|}{|A \cup B|} - \frac{|C \setminus (A \cup B)|}{|C|}

    with :math:`C` the smallest box around both.

    Shape:
        - one, other: ``(..., 4)``, corners; at least one of two has an area
        - Output: ``(...)``

    Note:
        Without the epsilon of common implementations: of a target of 1 px in an image of 800 px, whose area is a
        millionth and a half of the image's, 1e-7 would be 6 %.

    Example:
        >>> generalised_iou(torch.tensor([0.0, 0, 1, 1]), torch.tensor([[0.0, 0, 1, 1], [1, 0, 2, 1], [3, 0, 4, 1]]))
        tensor([ 1.0000,  0.0000, -0.5000])
    """
    overlap = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0)
    hull = torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2])
    overlap, hull = overlap.prod(-1), hull.prod(-1)
    union = (one[..., 2:] - one[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1) - overlap
    return overlap / union - (hull - union) / hull


def gaussian_similarity(one: Tensor, other: Tensor, scale: float) -> Tensor:
    r"""Normalised Gaussian Wasserstein distance of boxes as a similarity, broadcast; 1 for equal boxes.

    .. math::
        \exp\left(-\frac{1}{C} \sqrt{\Delta x^2 + \Delta y^2 + \tfrac{1}{4}\Delta w^2 + \tfrac{1}{4}\Delta h^2}\right)

    Unlike IoU it does not jump when boxes of a few pixels stop to overlap.

    Args:
        one, other: ``(..., 4)``: centre and sides in pixels.
        scale: ``C``, pixels.

    References:
        Wang et al., A Normalized Gaussian Wasserstein Distance for Tiny Object Detection, arXiv 2110.13389.
    """
    difference = one - other
    squares = difference[..., :2].square().sum(-1) + difference[..., 2:].square().sum(-1) / 4
    return torch.exp(-(squares + 1e-12).sqrt() / scale)  # the root has no gradient at 0


@MODELS.register_module()
class BoxSetLoss(nn.Module):
    r"""Match boxes to targets one to one and train every decoder layer and the proposals of the first stage.

    For queries :math:`q` matched to targets :math:`t(q)`, :math:`n` targets in the batch (at least 1),

    .. math::
        L = \frac{1}{n} \left( \lambda_c \sum_{q, w} \mathrm{focal}(s_{qw}, y_{qw}) +
            \sum_{q\ \text{matched}} \lambda_b \|b_q - b_{t(q)}\|_1 + \lambda_g (1 - \mathrm{GIoU}) +
            \lambda_n (1 - \mathrm{NWD}) \right)

    over the words :math:`w` of the prompt, with :math:`y_{qw} = 1` for matched queries and words of its phrases.

    Args:
        class_weight, box_weight, giou_weight, nwd_weight: The four :math:`\lambda`. The last three are costs of
            the matching, too.
        class_cost: Weight of the focal cost in the matching.
        nwd_scale: ``C`` of :func:`gaussian_similarity`, pixels of the image.
        proposal_weight: Weight of the first stage's loss, which has the same terms.

    Shape:
        - predictions: :class:`BoxPredictions`
        - targets: N tensors ``(K_i, 4)``: left, top, right, bottom in pixels
        - sizes: N pairs (H, W), the images' sizes in pixels
        - Output: scalars ``loss_class``, ``loss_box``, ``loss_giou``, ``loss_nwd`` (if weighted), summed over the
          layers, and the same of the proposals, ``loss_proposal_class`` ...; those with a weight of 0 are left out

    Raises:
        ConfigError: If a weight is negative or the scale is not positive.

    Note:
        - Costs and weights are those that transformers has by default. Its own loss is not used: it reports a loss
          of the proposals, but computes it from detached boxes and from the learned queries, so that the proposal head
          never gets a gradient; and in a batch of different prompts it reads the words of another image's.
        - Every target belongs to all phrases of its prompt: masks of this field have one class.
        - GIoU jumps between boxes of a few pixels; ``giou_weight=0, nwd_weight=10`` is the alternative.
        - No denoising queries.

    References:
        Carion et al., DETR, ECCV 2020 (matching); Liu et al., Grounding DINO, ECCV 2024 (words in the place of
        classes); Lin et al., Focal Loss, ICCV 2017; Rezatofighi et al., Generalized IoU, CVPR 2019.
    """

    def __init__(self, class_weight: float = 2.0, box_weight: float = 5.0, giou_weight: float = 2.0,
                 nwd_weight: float = 0.0, class_cost: float = 1.0, nwd_scale: float = 12.8,
                 proposal_weight: float = 1.0) -> None:
        super().__init__()
        self.weights = {'class': class_weight, 'box': box_weight, 'giou': giou_weight, 'nwd': nwd_weight}
        if min(*self.weights.values(), class_cost, proposal_weight) < 0 or nwd_scale <= 0:
            raise ConfigError(f'BoxSetLoss: weights {self.weights}, class_cost={class_cost}, proposal_weight='
                              f'{proposal_weight} have to be at least 0 and nwd_scale={nwd_scale} above 0.')
        self.class_cost, self.nwd_scale, self.proposal_weight = class_cost, nwd_scale, proposal_weight

    def forward(self, predictions: BoxPredictions, targets: list[Tensor],
                sizes: list[tuple[int, int]]) -> dict[str, Tensor]:
        device = predictions.words.device
        with torch.autocast(device.type, enabled=False):
            pixels = [torch.tensor([width, height, width, height], dtype=torch.float32, device=device)
                      for height, width in sizes]
            targets = [_to_centres(boxes.to(device).float() / side)
                       for boxes, side in zip(targets, pixels, strict=True)]
            count = torch.tensor(float(sum(map(len, targets))), device=device)
            all_reduce(count)
            count = (count / get_world_size()).clamp(min=1)
            stages = [('loss_', 1.0, layer) for layer in predictions.layers]
            if predictions.proposals is not None:
                stages.append(('loss_proposal_', self.proposal_weight, predictions.proposals))
            found: dict[str, Tensor] = {}
            for prefix, weight, (logits, boxes) in stages:
                terms = self._terms(logits.float(), boxes.float(), predictions, targets, pixels)
                for name, value in terms:
                    if weight * self.weights[name]:
                        key = prefix + name
                        found[key] = found.get(key, 0) + weight * self.weights[name] * value / count
        return found

    def _terms(self, logits: Tensor, boxes: Tensor, about: BoxPredictions, targets: list[Tensor],
               pixels: list[Tensor]) -> Iterator[tuple[str, Tensor]]:
        pairs = [self.match(logits[i][:, about.phrases[i]], boxes[i], target, pixels[i])
                 for i, target in enumerate(targets)]
        truth = torch.zeros_like(logits)
        for i, (queries, _) in enumerate(pairs):
            truth[i, queries] = about.phrases[i].to(truth)
        words = about.words[:, None].expand_as(logits)
        yield 'class', _focal(logits[words], truth[words]).sum()
        own = torch.cat([boxes[i, queries] for i, (queries, _) in enumerate(pairs)])
        other = torch.cat([targets[i][chosen] for i, (_, chosen) in enumerate(pairs)])
        scale = torch.cat([side.expand(len(queries), 4) for side, (queries, _) in zip(pixels, pairs, strict=True)])
        yield 'box', (own - other).abs().sum()
        yield 'giou', (1 - generalised_iou(to_corners(own), to_corners(other))).sum()
        yield 'nwd', (1 - gaussian_similarity(own * scale, other * scale, self.nwd_scale)).sum()

    @torch.no_grad()
    def match(self, logits: Tensor, boxes: Tensor, targets: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The cheapest one-to-one matching of one image's queries to its targets: the numbers of both, pair by pair.

        Args:
            logits: Of the words of the prompt's phrases alone.
            boxes, targets: Centre and sides, shares of the image.
            pixels: The image's width, height, width, height.

        Shape:
            - logits: ``(Q, P)``
            - boxes: ``(Q, 4)``
            - targets: ``(K, 4)``
            - Output: two ``(min(Q, K),)``
        """
        from scipy.optimize import linear_sum_assignment
        pairs = boxes[:, None], targets[None]
        of_class = (_focal(logits, torch.ones_like(logits)) - _focal(logits, torch.zeros_like(logits))).mean(-1)
        cost = self.class_cost * of_class[:, None] + self.weights['box'] * (pairs[0] - pairs[1]).abs().sum(-1)
        cost = cost - self.weights['giou'] * generalised_iou(*map(to_corners, pairs))
        if self.weights['nwd']:
            cost = cost - self.weights['nwd'] * gaussian_similarity(pairs[0] * pixels, pairs[1] * pixels,
                                                                    self.nwd_scale)
        # So that a loss that became nan is reported as such and not by the solver.
        cost = cost.nan_to_num(nan=1e6, posinf=1e6, neginf=-1e6).cpu().numpy()
        queries, chosen = linear_sum_assignment(cost)
        return tuple(torch.as_tensor(index, dtype=torch.long, device=boxes.device) for index in (queries, chosen))


def _to_centres(boxes: Tensor) -> Tensor:
    return torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], dim=-1)


def _focal(logits: Tensor, truth: Tensor) -> Tensor:
    """Focal loss of every element."""
    probability = logits.sigmoid()
    miss = (probability - truth).abs()
    balance = _ALPHA * truth + (1 - _ALPHA) * (1 - truth)
    return balance * miss ** _GAMMA * F.binary_cross_entropy_with_logits(logits, truth, reduction='none')
