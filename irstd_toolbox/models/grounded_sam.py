"""GroundingDINO and SAM: a text names the target, boxes find it, a promptable segmenter outlines it."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData, PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import ConfigError
from ..registry import MODELS
from .grounded_sam_detector import normalise_prompt
from .grounded_sam_loss import regions_of_mask
from .grounded_sam_weights import untrained_network
from .logit_maps import LogitMaps

__all__ = ['GroundedSAM', 'fused', 'inside']

_LARGEST = 16.0  # sigmoid(16) is full scale in a 16-bit prediction
PARTS = ('backbone', 'text', 'encoder', 'sam_image', 'sam_prompt', 'sam_decoder')


def inside(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Which pixels have their centre in a box; the pixel that holds the box's centre always counts.

    Shape:
        - boxes: ``(K, 4)``: left, top, right, bottom in pixels
        - Output: ``(K, *size)``, bool

    Example:
        >>> inside(torch.tensor([[1.0, 0.0, 3.0, 1.0], [0.6, 1.6, 0.9, 1.9]]), (2, 4)).int().tolist()
        [[[0, 1, 1, 0], [0, 0, 0, 0]], [[0, 0, 0, 0], [1, 0, 0, 0]]]
    """
    axes = []
    for axis, length in ((1, size[0]), (0, size[1])):
        low, high = boxes[:, axis, None], boxes[:, axis + 2, None]
        place = torch.arange(length, device=boxes.device)
        axes.append(((place + 0.5 >= low) & (place + 0.5 < high)) | (place == ((low + high) / 2).floor()))
    return axes[0][:, :, None] & axes[1][:, None, :]


def fused(scores: Tensor, boxes: Tensor, masks: Tensor | None, size: tuple[int, int], threshold: float,
          gate: float) -> Tensor:
    r"""One logit map of all boxes: above 0 where a box was kept and its mask is target.

    .. math:: \ell = \max_k \min(\ell^{score}_k - \operatorname{logit} t, \ell^{mask}_k)

    over the boxes whose gate, the box enlarged about its centre, holds the pixel; elsewhere and without boxes -16.

    Args:
        scores: Logits of the boxes' scores.
        boxes: Left, top, right, bottom in pixels of the map.
        masks: Logits; None fills the boxes.
        size: Height and width of the map.
        threshold: ``t``, by which boxes were kept.
        gate: Width and height of a gate in those of its box; not used without masks.

    Shape:
        - scores: ``(K,)``
        - boxes: ``(K, 4)``
        - masks: ``(K, *size)``
        - Output: ``(1, *size)``, within -16 and 16
    """
    if not len(boxes):
        return boxes.new_full((1, *size), -_LARGEST)
    certain = (scores - torch.logit(scores.new_tensor(threshold)))[:, None, None].expand(-1, *size)
    if masks is None:
        logits, where = certain, inside(boxes, size)
    else:
        centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, gate * (boxes[:, 2:] - boxes[:, :2]) / 2
        logits, where = torch.minimum(certain, masks), inside(torch.cat([centre - half, centre + half], 1), size)
    return logits.where(where, -_LARGEST).amax(0, keepdim=True).clamp(-_LARGEST, _LARGEST)


@MODELS.register_module()
class GroundedSAM(BaseModel):
    """Detect what a text names, and segment it by its box.

    Building reads and fetches nothing. The networks come with :meth:`load`, which the first use, a training and the
    loading of a checkpoint call.

    Args:
        detector: Config of :class:`GroundingDetector`.
        segmenter: Config of :class:`BoxSegmenter`; None fills the boxes.
        prompt: What to look for. A sample's ``det_prompt`` in its metainfo goes before it.
        box_threshold: A box whose score exceeds it is kept.
        max_boxes: At most so many are kept an image, the best.
        gate: A box's mask counts inside the box enlarged so many times, because SAM may leave a box of a few pixels.
        freeze: What does not train: of the detector ``'backbone'``, ``'text'`` and ``'encoder'``, of the segmenter
            ``'sam_image'``, ``'sam_prompt'`` and ``'sam_decoder'``.
        box_loss: Config of :class:`BoxSetLoss`.
        mask_loss: Config in ``MODELS`` of a loss of logit maps, or a list, for the masks of the true boxes; none if all
            of the segmenter is frozen.
        data_preprocessor: Config of :class:`IRSTDDataPreprocessor`; None for one grey channel, 0..255.

    Shape:
        - inputs: ``(N, C, H, W)``
        - ``mode='tensor'``: a list of one map ``(N, 1, H, W)``, logits
        - ``mode='loss'``: dict of scalars: those of :class:`BoxSetLoss` and, with a mask loss, ``loss_mask``
        - ``mode='predict'``: the samples with ``seg_logits`` and ``pred_sem_seg``, ``(1, H, W)`` each, at the size of
          the image file; ``pred_instances`` has ``bboxes`` ``(K, 4)`` in its pixels and ``scores`` ``(K,)``

    Raises:
        ConfigError: If an option is not as said, or training samples come without a mask. What loading raises, see
            :func:`load_network`.

    Note:
        - LGNet's paper reports a fine-tuned GroundingDINO+SAM without its variants, prompt, input size, schedule or
          what was frozen: all of that is our choice, and no reproduction.
        - The normalised input is brought back to grey values 0..1, repeated to three channels and normalised by
          ImageNet's mean and deviation of each channel, as both networks were trained; mean and std of the data
          preprocessor cancel out.
        - Boxes to train on are those of the mask's 8-connected regions, right and bottom edge outside.
        - The segmenter trains on the true boxes, so its loss does not wait for the detector.

    References:
        Ren et al., Grounded SAM, arXiv 2401.14159; LGNet, Sec. 5.6.3.
    """

    target_descriptor = None

    def __init__(self, detector: dict, segmenter: dict | None = None, prompt: str = 'infrared small target.',
                 box_threshold: float = 0.25, max_boxes: int = 100, gate: float = 2.0,
                 freeze: Sequence[str] = ('text', 'sam_image', 'sam_prompt'), box_loss: dict | None = None,
                 mask_loss: dict | list[dict] | None = None, data_preprocessor: dict | None = None) -> None:
        super().__init__(MODELS.build(data_preprocessor or dict(type='IRSTDDataPreprocessor', channels=1)))
        unknown = set(freeze) - set(PARTS)
        if unknown:
            raise ConfigError(f'freeze names {", ".join(sorted(unknown))}; known parts are {", ".join(PARTS)}.')
        if not 0 < box_threshold < 1 or max_boxes < 1 or gate < 1:
            raise ConfigError(f'box_threshold={box_threshold}, max_boxes={max_boxes}, gate={gate}: a threshold between '
                              '0 and 1, at least one box and a gate of at least 1 are expected.')
        self.prompt, self.freeze = normalise_prompt(prompt), tuple(freeze)
        self.box_threshold, self.max_boxes, self.gate = box_threshold, max_boxes, gate
        self.detector = MODELS.build(detector)
        self.segmenter = MODELS.build(segmenter) if segmenter else None
        self.box_loss = MODELS.build(box_loss or dict(type='BoxSetLoss'))
        losses = mask_loss if isinstance(mask_loss, list) else [mask_loss] if mask_loss else []
        self.mask_losses = nn.ModuleList(MODELS.build(cfg) for cfg in losses)
        if bool(losses) != (self.segmenter is not None and not set(PARTS[3:]).issubset(freeze)):
            raise ConfigError(f'mask_loss is {"given" if losses else "missing"}, and of a segmenter '
                              f'{"nothing" if losses else "something"} trains. Give a mask_loss where there is a '
                              'segmenter, unless sam_image, sam_prompt and sam_decoder are all frozen.')
        self.loaded = False

    def load(self) -> None:
        """Make both networks with their weights and freeze what is frozen, once; see :func:`load_network`."""
        if self.loaded:
            return
        for part in filter(None, (self.detector, self.segmenter)):
            part.load()
            part.to(self.data_preprocessor.device)
            # SAM 2's image part reaches into its decoder: what is frozen is frozen, whatever else names it.
            for name in self.freeze:
                for module in part.parts().get(name, ()):
                    module.requires_grad_(False)
        self.loaded = True
        self.train(self.training)

    def init_weights(self) -> None:
        """Load the weights that training starts from; mmengine's own walk would go through every layer."""
        self.load()

    def train(self, mode: bool = True) -> 'GroundedSAM':
        """As of any module, but that what is frozen stays in its test mode."""
        super().train(mode)
        for module in self.modules():
            parameters = list(module.parameters())
            if parameters and not any(parameter.requires_grad for parameter in parameters):
                module.eval()
        return self

    def logit_maps(self, inputs: Tensor, descriptor: Tensor | None = None) -> LogitMaps:
        """``(N, C, H, W)`` to one logit map ``(N, 1, H, W)`` by the common prompt; the descriptor is not used.

        Raises:
            ConfigError: On the meta device, on which operations are counted: the detector looks at values.
        """
        if inputs.is_meta:
            raise ConfigError(f'The operations of {type(self).__name__} cannot be counted without computing, since its '
                              f'detector looks at values. Its parameters: {self._counted()}.')
        return LogitMaps([torch.stack([logits for logits, *_ in self._detect(inputs, None)])])

    def forward(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None,
                mode: str = 'tensor') -> LogitMaps | dict[str, Tensor] | list[SegDataSample]:
        if mode == 'loss':
            return self._losses(inputs, data_samples)
        if mode != 'predict':
            return self.logit_maps(inputs)
        samples = data_samples or [SegDataSample() for _ in inputs]
        for (logits, scores, boxes), sample in zip(self._detect(inputs, samples), samples, strict=True):
            sample.seg_logits = PixelData(data=logits)
            sample.pred_sem_seg = PixelData(data=(logits > 0).byte())
            sample.pred_instances = InstanceData(bboxes=boxes, scores=scores.sigmoid())
        return samples

    def _counted(self) -> str:
        parts = {'detector': self.detector, 'segmenter': self.segmenter}
        counts = {name: sum(value.numel() for value in untrained_network(name, part.pretrained).parameters())
                  for name, part in parts.items() if part is not None}
        return ', '.join(f'{name} {count:,}' for name, count in counts.items())

    def _images(self, inputs: Tensor, samples: list[SegDataSample] | None) -> tuple[list[Tensor], list[str]]:
        """The grey images ``(1, H_i, W_i)``, 0..1, padding removed, and their prompts."""
        self.load()
        grey = self.data_preprocessor.denormalise(inputs).float() / 255
        about = [sample.metainfo for sample in samples] if samples else [{}] * len(grey)
        paddings = [meta.get('padding', (0, 0)) for meta in about]
        images = [image[:, :image.shape[1] - bottom, :image.shape[2] - right]
                  for image, (bottom, right) in zip(grey, paddings, strict=True)]
        return images, [meta.get('det_prompt') or self.prompt for meta in about]

    @torch.no_grad()
    def _detect(self, inputs: Tensor, samples: list[SegDataSample] | None) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Logit map, logits of the scores and boxes of each image, at its file's size where that is known."""
        images, prompts = self._images(inputs, samples)
        found = self.detector.detect(images, prompts, self.box_threshold, self.max_boxes)
        results = []
        for i, (image, (scores, boxes)) in enumerate(zip(images, found, strict=True)):
            height, width = image.shape[-2:]
            native = samples[i].metainfo.get('ori_shape') if samples else None
            size = tuple(native)[:2] if native else (height, width)
            masks = self.segmenter(image, boxes, size) if self.segmenter is not None and len(boxes) else None
            boxes = boxes * boxes.new_tensor([size[1] / width, size[0] / height]).repeat(2)
            results.append((fused(scores, boxes, masks, size, self.box_threshold, self.gate), scores, boxes))
        return results

    def _losses(self, inputs: Tensor, samples: list[SegDataSample]) -> dict[str, Tensor]:
        images, prompts = self._images(inputs, samples)
        masks = []
        for image, sample in zip(images, samples, strict=True):
            if 'gt_sem_seg' not in sample:
                raise ConfigError(f'{sample.metainfo.get("image_id", "A sample")} came to training without a mask. Put '
                                  'LoadTargetMask into the training pipeline.')
            masks.append(sample.gt_sem_seg.data[0, :image.shape[1], :image.shape[2]])
        regions = [regions_of_mask(mask) for mask in masks]
        sizes = [tuple(image.shape[-2:]) for image in images]
        found = self.box_loss(self.detector(images, prompts), [boxes for _, boxes in regions], sizes)
        if self.mask_losses:
            found['loss_mask'] = self._mask_loss(images, regions)
        return found

    def _mask_loss(self, images: list[Tensor], regions: list[tuple[Tensor, Tensor]]) -> Tensor:
        """The mean over images with targets of the losses of the masks of their true boxes."""
        losses = []
        for image, (masks, boxes) in zip(images, regions, strict=True):
            if len(boxes):
                masks, boxes = masks[:self.max_boxes, None], boxes[:self.max_boxes]
                logits = self.segmenter(image, boxes, tuple(image.shape[-2:]))
                losses.append(sum(loss(logits[:, None], masks) for loss in self.mask_losses))
        return torch.stack(losses).mean() if losses else images[0].new_zeros(())
