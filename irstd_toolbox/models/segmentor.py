"""The straight path: backbone, neck with its fusion blocks, decode head; losses on logit maps."""

import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import ConfigError
from ..registry import BACKBONES, MODELS
from .layers import resize

__all__ = ['IRSTDSegmentor']


@MODELS.register_module()
class IRSTDSegmentor(BaseModel):
    """Segment small targets; with a target descriptor, under a language prior.

    Args:
        backbone: Config in ``BACKBONES``: ``(N, C, H, W)`` to a list of maps, finest first.
        decode_head: Config in ``MODELS``: ``head(feats, (H, W))`` to ``[prediction, *side maps]``, logits.
        loss: Config in ``MODELS``, or a list of them; each is applied to every logit map and all are added.
        neck: Config in ``MODELS``: ``neck(feats, descriptor)`` to a list of maps, finest first; None for none.
        target_descriptor: Config of :class:`TargetDescriptor`; None for a network without language.
        data_preprocessor: Config of :class:`IRSTDDataPreprocessor`.
        output_size: Size of predictions: ``'native'`` brings logits back to the image file's size, ``'network'``
            leaves them at the size that the network saw (padding removed).

    Shape:
        - inputs: ``(N, C, H, W)``
        - ``mode='tensor'``: list of ``(N, 1, H, W)`` logits, the prediction first
        - ``mode='loss'``: dict of scalars ``loss_0`` (the prediction) ... (side maps)
        - ``mode='predict'``: the samples with ``seg_logits`` and ``pred_sem_seg``, ``(1, H, W)`` each

    Raises:
        ConfigError: If ``output_size`` is not known, or training samples come without a mask.

    References:
        LGNet, Fig. 3; deep supervision: Sec. 3.5, Eq. 4.
    """

    def __init__(self, backbone: dict, decode_head: dict, loss: dict | list[dict], neck: dict | None = None,
                 target_descriptor: dict | None = None, data_preprocessor: dict | None = None,
                 output_size: str = 'native', init_cfg: dict | None = None) -> None:
        super().__init__(MODELS.build(data_preprocessor or dict(type='IRSTDDataPreprocessor')), init_cfg)
        if output_size not in ('native', 'network'):
            raise ConfigError(f"output_size={output_size!r} is not known. Choose 'native' or 'network'.")
        self.native = output_size == 'native'
        self.backbone = BACKBONES.build(backbone)
        self.neck = MODELS.build(neck) if neck else None
        self.decode_head = MODELS.build(decode_head)
        self.losses = nn.ModuleList(MODELS.build(cfg) for cfg in (loss if isinstance(loss, list) else [loss]))
        self.target_descriptor = MODELS.build(target_descriptor) if target_descriptor else None

    def describe(self, inputs: Tensor, samples: list[SegDataSample] | None) -> Tensor | None:
        """The target descriptors ``(N, D)`` of a batch, or None for a network without language.

        The scene comes from the sample's ``clip_image``; where a caller brings none, from the input itself.
        """
        if self.target_descriptor is None:
            return None
        samples = samples or [SegDataSample() for _ in inputs]
        side = self.target_descriptor.image_size
        scenes = []
        for i, sample in enumerate(samples):
            scene = sample.get('clip_image')
            if scene is None:
                bottom, right = sample.metainfo.get('padding', (0, 0))
                grey = self.data_preprocessor.denormalise(inputs[i:i + 1])
                grey = grey[..., :grey.shape[2] - bottom, :grey.shape[3] - right]
                scene = F.interpolate(grey, size=(side, side), mode='bicubic', antialias=True)[0, 0]
                scene = scene.round().clamp(0, 255).byte()
            scenes.append(scene)
        return self.target_descriptor(scenes, [sample.metainfo.get('description') for sample in samples])

    def logit_maps(self, inputs: Tensor, descriptor: Tensor | None) -> list[Tensor]:
        """``(N, C, H, W)`` and ``(N, D)`` to the logit maps ``(N, 1, H, W)``, the prediction first."""
        feats = self.backbone(inputs)
        if self.neck is not None:
            feats = self.neck(feats, descriptor)
        return self.decode_head(feats, tuple(inputs.shape[-2:]))

    def forward(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None,
                mode: str = 'tensor') -> list[Tensor] | dict[str, Tensor] | list[SegDataSample]:
        maps = self.logit_maps(inputs, self.describe(inputs, data_samples))
        if mode == 'loss':
            return self._losses(maps, data_samples)
        return self._predictions(maps[0], data_samples) if mode == 'predict' else maps

    def _losses(self, maps: list[Tensor], samples: list[SegDataSample]) -> dict[str, Tensor]:
        for sample in samples:
            if 'gt_sem_seg' not in sample:
                raise ConfigError(f'{sample.metainfo.get("image_id", "A sample")} came to training without a mask. Put '
                                  'LoadTargetMask into the training pipeline.')
        mask = maps[0].new_zeros(maps[0].shape)
        for target, sample in zip(mask, samples, strict=True):
            target.copy_(sample.gt_sem_seg.data)
        return {f'loss_{i}': sum(loss(logits, mask) for loss in self.losses) for i, logits in enumerate(maps)}

    def _predictions(self, logits: Tensor, samples: list[SegDataSample] | None) -> list[SegDataSample]:
        samples = samples or [SegDataSample() for _ in logits]
        for logit, sample in zip(logits, samples, strict=True):
            bottom, right = sample.metainfo.get('padding', (0, 0))
            own = logit[None, :, :logit.shape[1] - bottom, :logit.shape[2] - right].float()
            if self.native and 'ori_shape' in sample.metainfo:
                own = resize(own, tuple(sample.metainfo['ori_shape'])[:2])
            sample.seg_logits = PixelData(data=own[0])
            sample.pred_sem_seg = PixelData(data=(own[0] > 0).byte())
        return samples
