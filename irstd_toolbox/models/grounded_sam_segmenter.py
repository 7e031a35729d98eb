"""SAM: the mask of what a box encloses."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from ..registry import MODELS
from .grounded_sam_detector import imagenet_normalised
from .grounded_sam_weights import load_network
from .layers import resize

__all__ = ['BoxSegmenter', 'grown']


def grown(boxes: Tensor, margin: float, least: float) -> Tensor:
    """Boxes larger by ``margin`` on each side, and then to at least ``least`` in width and height, about the centre.

    Example:
        >>> grown(torch.tensor([[5.0, 5.0, 6.0, 9.0]]), margin=1, least=4).tolist()
        [[3.5, 4.0, 7.5, 10.0]]
    """
    centre, side = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    half = (side + 2 * margin).clamp(min=least) / 2
    return torch.cat([centre - half, centre + half], dim=1)


@MODELS.register_module()
class BoxSegmenter(nn.Module):
    """A SAM or SAM 2 of transformers, asked for one mask a box.

    Building reads nothing; the network and its weights come with :meth:`load`. SAM sees an image with its long side
    resized to the network's size and the rest padded with zeros; SAM 2 sees it stretched to the square.

    Args:
        pretrained: A tag of the hub, or a folder that ``save_pretrained`` wrote.
        margin: Pixels that a box is larger on each side when it is asked for.
        least: Least width and height of the box asked for, pixels.

    Raises:
        ConfigError: If a number is negative.

    Note:
        While its image encoder is frozen, it runs without a graph. SAM 2's ``conv_s0`` and ``conv_s1`` of the mask
        decoder belong to the image's part then, because they run with it.

    References:
        Kirillov et al., Segment Anything, ICCV 2023; Ravi et al., SAM 2, arXiv 2408.00714.
    """

    def __init__(self, pretrained: str = 'facebook/sam-vit-base', margin: float = 1.0, least: float = 4.0) -> None:
        super().__init__()
        if margin < 0 or least < 0:
            raise ConfigError(f'margin={margin}, least={least} of the segmenter: both have to be at least 0.')
        self.pretrained, self.margin, self.least = str(pretrained), margin, least
        self.net: nn.Module | None = None

    def load(self) -> None:
        """Make the network with its weights, once; raises as :func:`load_network` does."""
        if self.net is None:
            self.net = load_network('segmenter', self.pretrained)

    @property
    def stretches(self) -> bool:
        """Whether images are stretched to the square (SAM 2)."""
        return hasattr(self.net.mask_decoder, 'conv_s0')

    @property
    def side(self) -> int:
        """Side of the square that the network sees."""
        return self.net.config.prompt_encoder_config.image_size

    def parts(self) -> dict[str, list[nn.Module | nn.Parameter]]:
        """What can be frozen, by name."""
        net, decoder = self.net, self.net.mask_decoder
        early = [decoder.conv_s0, decoder.conv_s1, net.no_memory_embedding] if self.stretches else []
        return {'sam_image': [net.vision_encoder, *early], 'sam_decoder': [decoder],
                'sam_prompt': [net.prompt_encoder, net.shared_image_embedding]}

    def resized(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of an image inside the square, at least 1."""
        if self.stretches:
            return self.side, self.side
        scale = self.side / max(size)
        return max(int(size[0] * scale + 0.5), 1), max(int(size[1] * scale + 0.5), 1)

    def forward(self, image: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        """The logits of each box's mask.

        Args:
            image: Grey, 0..1.
            boxes: Left, top, right, bottom in its pixels; at least one.
            size: Height and width of the masks.

        Shape:
            - image: ``(1, H, W)``
            - boxes: ``(K, 4)``
            - Output: ``(K, *size)``
        """
        height, width = image.shape[-2:]
        inner = self.resized((height, width))
        pixels = imagenet_normalised(F.interpolate(image[None], inner, mode='bilinear', antialias=True))
        pixels = F.pad(pixels, (0, self.side - inner[1], 0, self.side - inner[0]))
        factor = boxes.new_tensor([inner[1] / width, inner[0] / height])
        asked = (grown(boxes, self.margin, self.least) * factor.repeat(2))[None]
        if torch.is_grad_enabled() and any(p.requires_grad for p in self.net.vision_encoder.parameters()):
            seen = dict(pixel_values=pixels)
        else:
            seen = dict(image_embeddings=self.net.get_image_embeddings(pixels))
        coarse = self.net(**seen, input_boxes=asked, multimask_output=False).pred_masks[0].float()
        if not self.stretches:
            coarse = resize(coarse, (self.side, self.side))[..., :inner[0], :inner[1]]
        return resize(coarse, size)[:, 0]
