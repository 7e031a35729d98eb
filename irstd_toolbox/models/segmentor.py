"""The straight path: backbone, neck with its fusion blocks, decode head; losses on logit maps."""

import inspect

import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..errors import ConfigError
from ..registry import BACKBONES, MODELS
from .layers import resize
from .logit_maps import LogitMaps
from .probability_threshold import read_threshold
from .target_descriptor import TargetDescriptor
from .views import AS_IT_IS, Symmetry, Views, read_section
from .windows import Windows

__all__ = ['IRSTDSegmentor']


@MODELS.register_module()
class IRSTDSegmentor(BaseModel):
    """Segment small targets; with a target descriptor, under a language prior.

    Args:
        backbone: Config in ``BACKBONES``: ``(N, C, H, W)`` to a list of maps, finest first.
        decode_head: Config in ``MODELS``: ``head(feats, (H, W))`` to ``[prediction, *side maps]``, logits.
        loss: Config in ``MODELS``, or a list of them; each is applied to every logit map that ``supervision`` names.
            A loss with an attribute ``reads`` is applied once, ``loss(extra, mask, inputs)``, to the extra so named.
        neck: Config in ``MODELS``: ``neck(feats, descriptor)`` to a list of maps, finest first; None for none.
        network: Config in ``MODELS``, in the place of backbone, neck and decode head, for networks that do not come
            apart: ``network(x, descriptor)`` to ``[prediction, *side maps]``, logits.
        target_descriptor: Config of :class:`TargetDescriptor`; None for a network without language.
        data_preprocessor: Config of :class:`IRSTDDataPreprocessor`.
        supervision: ``'sum'`` adds the losses of all maps, ``'mean'`` averages them, ``'final'`` takes the
            prediction's alone. A side map smaller than the mask is held against the mask max-pooled to its size.
        output_size: Size of predictions: ``'native'`` brings logits back to the image file's size, ``'network'``
            leaves them at the size that the network saw (padding removed).
        threshold: Probability above which a pixel is a target, 0.5 unless told; or the path of the JSON file that
            ``tools/tune_threshold.py`` wrote. See :class:`.probability_threshold.ProbabilityThreshold`.
        views: Arguments of :class:`.views.Views`, over which ``mode='predict'`` averages; None for the image alone.
        windows: Arguments of :class:`.windows.Windows`, which the network sees in the place of each view in
            ``mode='predict'``, with the whole scene's descriptor; None for views as they are.

    Shape:
        - inputs: ``(N, C, H, W)``
        - ``mode='tensor'``: list of ``(N, 1, H, W)`` logits, the prediction first
        - ``mode='loss'``: dict of scalars ``loss_0`` (the prediction) ... (side maps), ``loss_<extra>``
        - ``mode='predict'``: the samples with ``seg_logits`` and ``pred_sem_seg``, ``(1, H, W)`` each

    Raises:
        ConfigError: If an option is not known, the parts are neither a backbone with its head nor a network, they take
            other channels than the data_preprocessor gives, or inputs have, training has no loss, a loss reads what the
            network does not give, training samples come without a mask, views are asked for whose sentences
            would be those of the image as it is, or windows of a size that the network cannot take.

    References:
        LGNet, Fig. 3; deep supervision: Sec. 3.5, Eq. 4.
    """

    def __init__(self, backbone: dict | None = None, decode_head: dict | None = None,
                 loss: dict | list[dict] | None = None, neck: dict | None = None, network: dict | None = None,
                 target_descriptor: dict | None = None, data_preprocessor: dict | None = None,
                 output_size: str = 'native', supervision: str = 'sum',
                 threshold: float | str | None = None, views: dict | None = None,
                 windows: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(MODELS.build(data_preprocessor or dict(type='IRSTDDataPreprocessor')), init_cfg)
        if output_size not in ('native', 'network'):
            raise ConfigError(f"output_size={output_size!r} is not known. Choose 'native' or 'network'.")
        if supervision not in ('sum', 'mean', 'final'):
            raise ConfigError(f"supervision={supervision!r} is not known. Choose 'sum', 'mean' or 'final'.")
        if (network is None) == (backbone is None or decode_head is None) or (network and (backbone or neck)):
            raise ConfigError('A segmentor is built of a backbone, perhaps a neck, and a decode_head, or of one '
                              'network that stands for all three. Give the one or the other.')
        self.native, self.supervision = output_size == 'native', supervision
        self.threshold = read_threshold(threshold)
        self.views = read_section(Views, views, 'mirrored=True')
        self.windows = read_section(Windows, windows, 'size=512')
        divisor = getattr(self.data_preprocessor, 'divisor', 1)
        if self.windows and any(side % divisor for side in self.windows.size):
            raise ConfigError(f'windows of {self.windows.size[0]}x{self.windows.size[1]}: multiples of '
                              f'{divisor} are expected, data_preprocessor.divisor.')
        self.backbone = BACKBONES.build(backbone) if backbone else None
        self.neck = MODELS.build(neck) if neck else None
        self.decode_head = MODELS.build(decode_head) if decode_head else None
        self.network = MODELS.build(network) if network else None
        self._check_channels(backbone or network)
        self._check_layers()
        losses = loss if isinstance(loss, list) else [loss] if loss else []
        self.losses = nn.ModuleList(MODELS.build(cfg) for cfg in losses)
        self.target_descriptor = MODELS.build(target_descriptor) if target_descriptor else None
        told = isinstance(self.target_descriptor, TargetDescriptor) and self.target_descriptor.text == 'train_and_test'
        if told and len(self.symmetries) > 1:
            raise ConfigError('Descriptions at test are of the image as it is, so that mirrored or turned views would '
                              'get wrong ones. Leave views.mirrored and views.turned out, or set '
                              "target_descriptor.text='train'.")

    def _check_channels(self, cfg: dict) -> None:
        """Refuse an image of other channels than the first part takes, where it tells by ``in_channels``."""
        part = self.network if self.backbone is None else self.backbone
        default = inspect.signature(type(part)).parameters.get('in_channels')
        takes = cfg.get('in_channels', getattr(default, 'default', None))
        gives = getattr(self.data_preprocessor, 'channels', takes)
        if isinstance(takes, int) and takes != gives:
            raise ConfigError(f'data_preprocessor.channels={gives}, and {type(part).__name__} takes in_channels='
                              f'{takes}. Give both one number.')

    def _check_inputs(self, inputs: Tensor) -> None:
        """Refuse a batch that the data_preprocessor does not give."""
        channels = getattr(self.data_preprocessor, 'channels', None)
        if not isinstance(inputs, Tensor) or inputs.ndim != 4 or channels not in (None, inputs.shape[1]):
            got = f'of shape {tuple(inputs.shape)}' if isinstance(inputs, Tensor) else f'a {type(inputs).__name__}'
            raise ConfigError(f'The inputs are {got}; (N, {channels or "C"}, H, W) is expected, what data_preprocessor '
                              "makes of images: model.data_preprocessor(dict(inputs=[image]))['inputs'].")

    def _check_layers(self) -> None:
        """Refuse a layer without a weight, which a width divided to 0 makes: what follows it would see no image."""
        for name, parameter in self.named_parameters():
            if not is_lazy(parameter) and not parameter.numel():
                raise ConfigError(f'{name} has no element: its shape is {tuple(parameter.shape)}. Widen what leads to '
                                  'it, or divide by less: channels and reductions of that part.')

    def _check_feats(self, feats: list[Tensor]) -> None:
        """Refuse what no neck could read; of channels, only where the backbone tells its own."""
        name = type(self.backbone).__name__
        if not isinstance(feats, list | tuple) or not all(isinstance(x, Tensor) and x.ndim == 4 for x in feats):
            got = [f'{type(x).__name__}{tuple(getattr(x, "shape", ()))}' for x in feats] \
                if isinstance(feats, list | tuple) else type(feats).__name__
            raise ConfigError(f'{name} gives {got}; a list of maps (N, C, H, W), the finest first, is expected.')
        told, channels = getattr(self.backbone, 'out_channels', None), [x.shape[1] for x in feats]
        if told is not None and list(told) != channels:
            raise ConfigError(f'{name} gives maps of {channels} channels, and its out_channels says {list(told)}; both '
                              'are expected to be of the same maps, the finest first.')

    @property
    def threshold_rule(self) -> dict | None:
        """Value and origin of the threshold for ``results.json``; None if pixels are targets above 0.5."""
        return self.threshold.describe() if self.threshold else None

    @property
    def test_options(self) -> dict[str, dict]:
        """Views and windows, where there are some, for ``results.json``."""
        return {name: part.describe() for name in ('views', 'windows') if (part := getattr(self, name))}

    @property
    def symmetries(self) -> list[Symmetry]:
        """Those of the views; the image as it is if there are none."""
        return self.views.symmetries if self.views else [AS_IT_IS]

    def describe(self, inputs: Tensor, samples: list[SegDataSample] | None,
                 view: Symmetry = AS_IT_IS) -> Tensor | None:
        """The target descriptors ``(N, D)`` of a batch in a view, or None for a network without language.

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
            scenes.append(view.apply(scene))
        return self.target_descriptor(scenes, [sample.metainfo.get('description') for sample in samples])

    def logit_maps(self, inputs: Tensor, descriptor: Tensor | None) -> list[Tensor]:
        """``(N, C, H, W)`` and ``(N, D)`` to the logit maps ``(N, 1, H, W)``, the prediction first.

        Raises:
            ConfigError: If the backbone gives other things than maps, or of other channels than its ``out_channels``.
        """
        if self.network is not None:
            return self.network(inputs, descriptor)
        feats = self.backbone(inputs)
        self._check_feats(feats)
        if self.neck is not None:
            feats = self.neck(feats, descriptor)
        return self.decode_head(feats, tuple(inputs.shape[-2:]))

    def forward(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None,
                mode: str = 'tensor') -> list[Tensor] | dict[str, Tensor] | list[SegDataSample]:
        self._check_inputs(inputs)
        if mode == 'predict':
            told = {view: self.describe(inputs, data_samples, view) for view in self.symmetries}
            return self._predictions(self.prediction(inputs, told), data_samples)
        if mode not in ('loss', 'tensor'):
            raise ConfigError(f"mode={mode!r} is not known. Choose 'loss', 'predict' or 'tensor'.")
        maps = self.logit_maps(inputs, self.describe(inputs, data_samples))
        return self._losses(maps, inputs, data_samples) if mode == 'loss' else maps

    def prediction(self, inputs: Tensor, descriptors: dict[Symmetry, Tensor | None]) -> Tensor:
        """``(N, C, H, W)`` and each view's ``(N, D)`` to logits ``(N, 1, H, W)``, of the mean probability where there
        are views or windows.
        """
        def seen(view: Tensor, symmetry: Symmetry) -> Tensor:
            def network(window: Tensor) -> Tensor:
                return self.logit_maps(window, descriptors[symmetry])[0]
            return self.windows.assemble(view, network) if self.windows else network(view)
        return self.views.average(inputs, self.data_preprocessor.divisor, seen) if self.views \
            else seen(inputs, *self.symmetries)

    def _losses(self, maps: list[Tensor], inputs: Tensor, samples: list[SegDataSample]) -> dict[str, Tensor]:
        if not self.losses:
            raise ConfigError('The segmentor has no loss, so there is nothing to train by. Give it one, such as '
                              "model.loss=dict(type='BCELoss').")
        if samples is None:
            raise ConfigError("mode='loss' needs data_samples with a mask each, gt_sem_seg; none came.")
        mask = inputs.new_zeros(len(inputs), 1, *inputs.shape[-2:])
        for target, sample in zip(mask, samples, strict=True):
            if 'gt_sem_seg' not in sample:
                raise ConfigError(f'{sample.metainfo.get("image_id", "A sample")} came to training without a mask. Put '
                                  'LoadTargetMask into the training pipeline.')
            target.copy_(sample.gt_sem_seg.data)
        supervised = maps[:1] if self.supervision == 'final' else maps
        share = 1 / len(supervised) if self.supervision == 'mean' else 1
        of_maps = [loss for loss in self.losses if not hasattr(loss, 'reads')]
        found = {f'loss_{i}': share * sum(loss(logits, _at_size(mask, logits)) for loss in of_maps)
                 for i, logits in enumerate(supervised if of_maps else ())}
        extras = maps.extras if isinstance(maps, LogitMaps) else {}
        for loss in self.losses:
            name = getattr(loss, 'reads', None)
            if name is not None:
                if name not in extras:
                    raise ConfigError(f'{type(loss).__name__} reads {name!r}, but the network gives '
                                      f'{", ".join(extras) or "logit maps alone"}. Take the loss out of the config.')
                found[f'loss_{name}'] = found.get(f'loss_{name}', 0) + loss(extras[name], mask, inputs)
        return found

    def _predictions(self, logits: Tensor, samples: list[SegDataSample] | None) -> list[SegDataSample]:
        samples = samples or [SegDataSample() for _ in logits]
        for logit, sample in zip(logits, samples, strict=True):
            bottom, right = sample.metainfo.get('padding', (0, 0))
            own = logit[None, :, :logit.shape[1] - bottom, :logit.shape[2] - right].float()
            if self.native and 'ori_shape' in sample.metainfo:
                own = resize(own, tuple(sample.metainfo['ori_shape'])[:2])
            if self.threshold:
                own = own - self.threshold.logit
            sample.seg_logits = PixelData(data=own[0])
            sample.pred_sem_seg = PixelData(data=(own[0] > 0).byte())
        return samples


def _at_size(mask: Tensor, logits: Tensor) -> Tensor:
    """``mask`` at the size of a map, targets kept."""
    size = logits.shape[-2:]
    return mask if mask.shape[-2:] == size else F.adaptive_max_pool2d(mask, size)
