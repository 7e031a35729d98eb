"""CLIP trained further on scenes and their descriptions."""

import math
import re
from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, get_rank, get_world_size
from mmengine.model import BaseModel
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import ConfigError, DataError
from ..registry import MODELS

__all__ = ['ContrastiveCLIP', 'contrastive_loss', 'unfreeze_towers']

TOWERS = ('image', 'text')
WHOLE = {'all': TOWERS, 'image': ('image',), 'text': ('text',)}
FORMS = ("'all', 'text', 'image', a number of blocks, or a dict such as dict(image=2, text='all') with 'all', 'none' "
         'or a number of blocks for each tower')
# What stands behind a tower's last block, in open_clip's names.
TAIL = ('ln_post', 'proj', 'attn_pool', 'attn_pool_contrastive', 'ln_final', 'text_projection')


@MODELS.register_module()
class ContrastiveCLIP(BaseModel):
    r"""Bring each scene's embedding near that of its description and away from the other descriptions of the batch.

    With embeddings :math:`I_i, T_j` of length 1, a scale :math:`s = \exp(\text{logit\_scale})` that is learned, and
    :math:`N_i` the samples of the batch, of all processes together, whose description is not that of :math:`i`,

    .. math::
        L = -\frac{1}{2N} \sum_i \left(
            \log \frac{e^{s I_i T_i}}{e^{s I_i T_i} + \sum_{j \in N_i} e^{s I_i T_j}} +
            \log \frac{e^{s I_i T_i}}{e^{s I_i T_i} + \sum_{j \in N_i} e^{s I_j T_i}} \right)

    Args:
        encoder: Config in ``MODELS`` of :class:`~irstd_toolbox.models.clip.OpenCLIPEncoder`; its weights are loaded by
            ``init_weights``, which the Runner calls.
        unfreeze: What trains: ``'all'``, ``'text'``, ``'image'``; a number of blocks N, the last N of both towers with
            the norm and the projection behind them; or a dict with ``'all'``, ``'none'`` or a number for each tower,
            where a tower that is not named is frozen. The scale trains always.
        max_scale: Bound of s, enforced before each pass.
        data_preprocessor: Config in ``MODELS``; None moves the batch to the device, which is all it needs.

    Shape:
        - data_samples: each with ``clip_image`` ``(S, S)``, uint8, and ``description`` in its metainfo
        - ``mode='tensor'``: embeddings of scenes and descriptions, ``(N, D)`` each, of length 1; a sample without a
          description has that of an empty one
        - ``mode='loss'``: ``loss_contrastive`` and, to be logged, ``logit_scale``, which is s
        - ``mode='predict'``: the samples with ``image_embedding`` and, where there is a description,
          ``text_embedding``, ``(D,)`` each

    Raises:
        ConfigError: If ``unfreeze`` is not one of these forms, leaves nothing to train, or counts blocks of a tower
            that has none; or if samples come without ``clip_image``.
        DataError: If no sample of a batch has a description. Single ones without are left out of the loss.

    Note:
        The paper fine-tunes its text encoder and gives no recipe; loss and options are CLIP's. Several images of a
        batch may have one sentence (always with the four of ``quadrant``), and CLIP's own loss would push each from the
        sentence that describes it. Here equal sentences are no negatives of each other, nor further positives: without
        them the loss is CLIP's exactly, and with them its minimum stays 0. Sentences are equal if their tokens are, as
        the text tower reads them. A batch of one sentence teaches nothing, and its loss is 0.

    References:
        Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, Sec. 2.3 and
        2.5 (the bound of 100).
    """

    def __init__(self, encoder: dict, unfreeze: str | int | dict = 'all', max_scale: float = 100.0,
                 data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(data_preprocessor, init_cfg)
        if max_scale < 1:
            raise ConfigError(f'max_scale={max_scale} is below 1; CLIP bounds its scale by 100.')
        self.max_scale, self.unfreeze = float(max_scale), unfreeze
        self.encoder = MODELS.build(encoder)
        self.encoder.build()
        unfreeze_towers(self.encoder.clip, unfreeze)
        self.encoder.clip.logit_scale.requires_grad_()

    def init_weights(self) -> None:
        """Load the weights that training starts from."""
        self.encoder.load()

    def train(self, mode: bool = True) -> 'ContrastiveCLIP':
        """As of any module, but that what is frozen stays in its test mode, so that no running mean moves either."""
        super().train(mode)
        for module in self.encoder.modules():
            parameters = list(module.parameters())
            if parameters and not any(parameter.requires_grad for parameter in parameters):
                module.eval()
        return self

    def forward(self, inputs: list[Tensor] | Tensor, data_samples: list[SegDataSample],
                mode: str = 'tensor') -> tuple[Tensor, Tensor] | dict[str, Tensor] | list[SegDataSample]:
        words = [_words(sample) for sample in data_samples]
        images = self.encoder.encode_images(self._scenes(data_samples))
        # Of every sample, so that DDP meets a gradient of every parameter.
        texts = self.encoder.encode_texts([word or '' for word in words])
        images, texts = (F.normalize(features.float(), dim=1) for features in (images, texts))
        if mode == 'loss':
            return self._loss(images, texts, words, data_samples)
        return self._predictions(images, texts, words, data_samples) if mode == 'predict' else (images, texts)

    def _scenes(self, samples: list[SegDataSample]) -> Tensor:
        for sample in samples:
            if 'clip_image' not in sample:
                raise ConfigError(f'{_name(sample)} came without clip_image. Put '
                                  f'LoadClipImage(size={self.encoder.image_size}) into the pipeline, after LoadImage.')
        return torch.stack([sample.clip_image for sample in samples])

    def _loss(self, images: Tensor, texts: Tensor, words: list[str | None],
              samples: list[SegDataSample]) -> dict[str, Tensor]:
        parameter = self.encoder.clip.logit_scale
        with torch.no_grad():
            parameter.clamp_(0, math.log(self.max_scale))
        told = torch.tensor([word is not None for word in words], dtype=torch.uint8, device=images.device)
        tokens = self.encoder.tokenizer([word or '' for word in words]).to(images.device)
        told, tokens, images, texts = (_of_all_processes(part) for part in (told, tokens, images, texts))
        told = told.bool()
        if not told.any():
            raise DataError(f'No sample of the batch has a description, such as {_name(samples[0])}, and there is '
                            'nothing to learn from. Write descriptions with tools/annotate.py --split trainval, or '
                            'give the data set description_dir. Were there some, a flip could not keep them true: '
                            'leave RandomFlip out.')
        with torch.autocast(images.device.type, enabled=False):
            scale = parameter.float().exp().reshape(())
            loss = contrastive_loss(images[told], texts[told], tokens[told], scale)
        return dict(loss_contrastive=loss, logit_scale=scale.detach())

    @staticmethod
    def _predictions(images: Tensor, texts: Tensor, words: list[str | None],
                     samples: list[SegDataSample]) -> list[SegDataSample]:
        for image, text, word, sample in zip(images, texts, words, samples, strict=True):
            sample.image_embedding = image
            if word is not None:
                sample.text_embedding = text
        return samples


def contrastive_loss(images: Tensor, texts: Tensor, tokens: Tensor, scale: Tensor | float) -> Tensor:
    """The loss of :class:`ContrastiveCLIP`.

    Args:
        images, texts: Embeddings of length 1, a pair a row.
        tokens: Of the sentences; equal rows are equal sentences.
        scale: s of the equation.

    Shape:
        - images, texts: ``(N, D)``
        - tokens: ``(N, L)``, integers
        - Output: scalar

    Example:
        >>> vectors = torch.eye(2)
        >>> contrastive_loss(vectors, vectors, torch.tensor([[1], [2]]), 1.0)  # log(1 + 1 / e)
        tensor(0.3133)
        >>> contrastive_loss(vectors, vectors, torch.tensor([[1], [1]]), 1.0)
        tensor(0.)
    """
    kind = torch.unique(tokens, dim=0, return_inverse=True)[1]
    twins = (kind[:, None] == kind).fill_diagonal_(False)
    logits = (scale * images @ texts.T).masked_fill(twins, float('-inf'))
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def unfreeze_towers(clip: nn.Module, unfreeze: str | int | Mapping) -> None:
    """Decide which parameters of a CLIP's towers train, as ``unfreeze`` of :class:`ContrastiveCLIP` says.

    Raises:
        ConfigError: See there.
    """
    for parameter in clip.parameters():
        parameter.requires_grad_(False)
    for tower, amount in _amounts(unfreeze).items():
        named = dict(parameters_of(clip, tower))
        chosen = set(named) if amount == 'all' else _last_blocks(named, tower, amount)
        for name in chosen:
            named[name].requires_grad_()


def parameters_of(clip: nn.Module, tower: str) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters of the ``'image'`` or the ``'text'`` tower with their names in ``clip``."""
    for name, parameter in clip.named_parameters():
        of_text = not name.startswith(('visual.', 'logit_', 'text_decoder.'))  # the decoder is CoCa's, no tower
        if of_text if tower == 'text' else name.startswith('visual.'):
            yield name, parameter


def _amounts(unfreeze: str | int | Mapping) -> dict[str, str | int]:
    """``'all'`` or a number of blocks for each tower that trains."""
    if isinstance(unfreeze, str):
        amounts = dict.fromkeys(WHOLE.get(unfreeze, ()), 'all')
    else:
        amounts = dict(unfreeze) if isinstance(unfreeze, Mapping) else dict.fromkeys(TOWERS, unfreeze)
    known = all(tower in TOWERS and (amount in ('all', 'none') if isinstance(amount, str) else
                                     type(amount) is int and amount >= 0) for tower, amount in amounts.items())
    amounts = {tower: amount for tower, amount in amounts.items() if amount != 'none'}
    if not known or not amounts:
        problem = 'is not known' if not known or (isinstance(unfreeze, str) and unfreeze != 'none') else \
            'leaves nothing to train'
        raise ConfigError(f'unfreeze={unfreeze!r} {problem}. Give {FORMS}.')
    return amounts


def _last_blocks(names: Mapping[str, nn.Parameter], tower: str, count: int) -> set[str]:
    """The names of the last ``count`` blocks and of what stands behind them."""
    blocks = {name: int(found.group(1)) for name in names
              if (found := re.search(r'(?:^|\.)transformer\.resblocks\.(\d+)\.', name))}
    total = len(set(blocks.values()))
    if not total:
        raise ConfigError(f"unfreeze counts blocks, and the {tower} tower has none by open_clip's name. Say 'all' or "
                          "'none' for it.")
    if count > total:
        raise ConfigError(f'unfreeze asks for {count} blocks of the {tower} tower, which has {total}. Give a number up '
                          "to that, or 'all', which trains its embeddings too.")
    behind = {name for name in names if name.removeprefix('visual.').removeprefix('text.').split('.')[0] in TAIL}
    return behind | {name for name, number in blocks.items() if number >= total - count}


def _of_all_processes(rows: Tensor) -> Tensor:
    """The rows of all processes, in the order of ranks; gradients reach this process's own.

    Every process computes the whole loss, and DDP averages their gradients. Each has but its own rows' share of the
    embeddings' gradient, which therefore counts once a process; the scale's is whole everywhere.
    """
    processes = get_world_size()
    if processes == 1:
        return rows
    if rows.requires_grad:
        rows.register_hook(lambda gradient: gradient * processes)
    gathered = all_gather(rows.detach().contiguous())
    gathered[get_rank()] = rows
    return torch.cat(gathered)


def _words(sample: SegDataSample) -> str | None:
    """The sample's description; an empty one counts as none."""
    description = sample.metainfo.get('description')
    return description if description and description.strip() else None


def _name(sample: SegDataSample) -> str:
    return str(sample.metainfo.get('image_id', 'a sample'))
