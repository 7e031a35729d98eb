"""GroundingDINO: boxes of what a text names."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from ..registry import MODELS
from .grounded_sam_loss import BoxPredictions, to_corners
from .grounded_sam_weights import load_network, load_tokenizer

__all__ = ['GroundingDetector', 'imagenet_normalised', 'normalise_prompt', 'resized_to_edges']

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def imagenet_normalised(grey: Tensor) -> Tensor:
    """``(N, 1, H, W)``, 0..1, repeated to three channels, each normalised by ImageNet's mean and deviation of it."""
    mean, std = (torch.tensor(values, device=grey.device).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (grey - mean) / std


def resized_to_edges(size: tuple[int, int], shortest: int, longest: int) -> tuple[int, int]:
    """Height and width with the short side ``shortest``, or as little as 1 where the long one would exceed ``longest``.

    Example:
        >>> resized_to_edges((256, 320), 800, 1333), resized_to_edges((100, 400), 800, 1333)
        ((800, 1000), (333, 1333))
    """
    short, long = sorted(size)
    exact = float(shortest)
    if long / short * shortest > longest:
        exact = longest * short / long
    first = max(int(round(exact)), 1)
    second = long if first == short else int(exact * long / short)
    return (first, second) if size[0] <= size[1] else (second, first)


def normalise_prompt(prompt: str) -> str:
    """Lower case with a final full stop, without which the text tower lets no word see another.

    Raises:
        ConfigError: If nothing is left.

    Example:
        >>> normalise_prompt(' Infrared small target')
        'infrared small target.'
    """
    words = ' '.join(prompt.lower().split()).rstrip('. ')
    if not words:
        raise ConfigError(f'The prompt {prompt!r} has no words. Say what to look for, as in "infrared small target.".')
    return f'{words}.'


@MODELS.register_module()
class GroundingDetector(nn.Module):
    """A GroundingDINO or MM-GroundingDINO of transformers.

    Building reads nothing; network, tokenizer and weights come with :meth:`load`.

    Args:
        pretrained: A tag of the hub, or a folder that ``save_pretrained`` wrote.
        size: Short side that an image is resized to, and the most that its long side becomes.

    Raises:
        ConfigError: If ``size`` is not two positive numbers, the short one first.

    Note:
        Images of a batch are resized one by one, padded with zeros and masked, as transformers' processor does it, but
        in floating point.

    References:
        Liu et al., Grounding DINO: Marrying DINO with Grounded Pre-Training for Open-Set Object Detection, ECCV 2024;
        Zhao et al., An Open and Comprehensive Pipeline for Unified Object Grounding and Detection, arXiv 2401.02361.
    """

    def __init__(self, pretrained: str = 'IDEA-Research/grounding-dino-tiny',
                 size: Sequence[int] = (800, 1333)) -> None:
        super().__init__()
        if len(size) != 2 or not 0 < size[0] <= size[1]:
            raise ConfigError(f'size={size} of the detector is not (short side, most of the long side).')
        self.pretrained, self.size = str(pretrained), tuple(size)
        self.net: nn.Module | None = None
        self.tokenizer = None

    def load(self) -> None:
        """Make the network with its weights, once; raises as :func:`load_network` does."""
        if self.net is None:
            net = load_network('detector', self.pretrained)
            self.tokenizer, self.net = load_tokenizer(self.pretrained), net

    def parts(self) -> dict[str, list[nn.Module | nn.Parameter]]:
        """What can be frozen, by name."""
        model = self.net.model
        return {'backbone': [model.backbone], 'text': [model.text_backbone], 'encoder': [model.encoder]}

    def prepare(self, images: list[Tensor], prompts: list[str]) -> dict[str, Tensor]:
        """The network's inputs of grey images ``(1, H_i, W_i)``, 0..1, and their prompts."""
        resized = []
        for image in images:
            size = resized_to_edges(tuple(image.shape[-2:]), *self.size)
            if size != tuple(image.shape[-2:]):
                image = F.interpolate(image[None], size, mode='bilinear', antialias=True)[0]
            resized.append(imagenet_normalised(image))
        height, width = (max(image.shape[axis] for image in resized) for axis in (1, 2))
        fit = [(0, width - image.shape[2], 0, height - image.shape[1]) for image in resized]
        text = self.tokenizer([normalise_prompt(prompt) for prompt in prompts], padding=True, truncation=True,
                              max_length=self.net.config.max_text_len, return_tensors='pt')
        device = images[0].device
        return dict(
            pixel_values=torch.stack([F.pad(image, pad) for image, pad in zip(resized, fit, strict=True)]),
            pixel_mask=torch.stack([F.pad(torch.ones_like(image[0], dtype=torch.long), pad)
                                    for image, pad in zip(resized, fit, strict=True)]),
            **{key: text[key].to(device) for key in ('input_ids', 'token_type_ids', 'attention_mask')})

    def forward(self, images: list[Tensor], prompts: list[str]) -> BoxPredictions:
        """What :class:`BoxSetLoss` needs of a batch.

        Shape:
            - images: N of ``(1, H_i, W_i)``, 0..1
        """
        inputs, seen = self.prepare(images, prompts), {}

        def keep(logits: Tensor, labels: list, device: torch.device, pred_boxes: Tensor, config: object,
                 label_maps: Sequence[Tensor], text_mask: Tensor, *, outputs_class: Tensor, outputs_coord: Tensor,
                 encoder_logits: Tensor | None, encoder_pred_boxes: Tensor | None) -> tuple[Tensor, dict, None]:
            seen.update(layers=list(zip(outputs_class, outputs_coord, strict=True)), words=text_mask[:, 0],
                        phrases=torch.stack([of_phrase.any(0) for of_phrase in label_maps]))
            return logits.new_zeros(()), {}, None

        # The network hands what each decoder layer gives to its loss function alone.
        self.net.loss_function = keep
        try:
            output = self.net(**inputs, labels=[])
        finally:
            del self.net._loss_function
        return BoxPredictions(proposals=self._proposals(output), **seen)

    def _proposals(self, output: object) -> tuple[Tensor, Tensor] | None:
        """The proposals that the decoder starts from, attached to the graph, unlike those the network returns."""
        if not self.net.config.two_stage:
            return None
        logits, boxes = output.enc_outputs_class, output.enc_outputs_coord_logits
        best = logits.detach().amax(-1).topk(self.net.config.num_queries, dim=1).indices[..., None]
        logits, boxes = (values.gather(1, best.expand(-1, -1, values.shape[-1])) for values in (logits, boxes))
        return logits, boxes.sigmoid()

    def detect(self, images: list[Tensor], prompts: list[str], threshold: float,
               most: int) -> list[tuple[Tensor, Tensor]]:
        """The boxes of each image whose score exceeds a threshold, best first.

        Args:
            images: Grey, 0..1.
            prompts: One an image.
            threshold: A box's score is the largest probability of its words.
            most: At most so many boxes an image.

        Shape:
            - images: N of ``(1, H_i, W_i)``
            - Output: N pairs: logits of the scores ``(K,)`` and boxes ``(K, 4)``: left, top, right, bottom in pixels

        Note:
            Images of several sizes are run one by one, since the backbone sees the padding of a batch, masked or not.
        """
        if len({image.shape for image in images}) > 1:
            return [self.detect([image], [prompt], threshold, most)[0]
                    for image, prompt in zip(images, prompts, strict=True)]
        output, found = self.net(**self.prepare(images, prompts)), []
        for image, logits, boxes in zip(images, output.logits.float(), output.pred_boxes.float(), strict=True):
            height, width = image.shape[-2:]
            scores, order = logits.amax(-1).sort(descending=True)
            keep = order[scores.sigmoid() > threshold][:most]
            corners = to_corners(boxes[keep]) * boxes.new_tensor([width, height, width, height])
            found.append((scores[:len(keep)], corners))
        return found
