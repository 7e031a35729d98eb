"""The language prior as a vector: CLIP's embeddings of a scene and of its description, added."""

import hashlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import CheckpointError, ConfigError
from ..registry import MODELS
from .descriptor_cache import EmbeddingCache, default_cache_dir, hash_json

__all__ = ['FrozenEncoder', 'TargetDescriptor']

TEXT_MODES = ('never', 'train', 'train_and_test')
FINGERPRINT_BYTES = 32


class FrozenEncoder:
    """An encoder that never trains, outside the module tree, in front of which stands a cache.

    It is shared, not copied, by ``copy.deepcopy`` (an EMA of a model costs no second CLIP), and its weights are loaded
    at the first embedding that the cache does not hold.

    Args:
        encoder: Has what :class:`~irstd_toolbox.models.clip.OpenCLIPEncoder` has: ``dim``, ``identity``, ``source``,
            ``load``, ``fingerprint``, ``check_scenes``, ``check_lengths``, ``encode_images`` and ``encode_texts``.
        cache: Its cache.
    """

    def __init__(self, encoder: nn.Module, cache: EmbeddingCache) -> None:
        self.encoder = encoder.eval().requires_grad_(False)
        self.cache = cache
        self.known: str | None = None
        self._loaded = False

    def __deepcopy__(self, memo: dict) -> 'FrozenEncoder':
        return self

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights: as noted in the cache for their source, else by loading them."""
        if self.known is None:
            self.known = self.cache.recall(self.encoder.source)
        if self.known is None:
            self.load()
        return self.known

    def images(self, scenes: Tensor, device: torch.device) -> Tensor:
        """Embeddings of uint8 scenes ``(N, S, S)`` as float32 ``(N, D)`` on ``device``."""
        scenes = scenes.cpu()
        self.encoder.check_scenes(scenes)
        return self._look_up('image', list(scenes.numpy()), device)

    def texts(self, sentences: list[str], device: torch.device) -> Tensor:
        """Embeddings of N sentences as float32 ``(N, D)`` on ``device``."""
        self.encoder.check_lengths(sentences)
        return self._look_up('text', sentences, device)

    def _look_up(self, kind: str, items: list, device: torch.device) -> Tensor:
        keys = [self._key(kind, item) for item in items]
        found = {key: self.cache.get(key, self.encoder.dim) for key in keys}
        missing = {key: item for key, item in zip(keys, items, strict=True) if found[key] is None}
        if missing:
            before = self.known
            self.load()
            if self.known != before:  # the note in the cache was of other weights, and so were the keys
                return self._look_up(kind, items, device)
            for key, vector in zip(missing, self._encode(kind, list(missing.values()), device), strict=True):
                found[key] = self.cache.put(key, vector)
        return torch.from_numpy(np.stack([found[key] for key in keys])).to(device)

    def _key(self, kind: str, item: np.ndarray | str) -> str:
        data = item.encode() if isinstance(item, str) else np.ascontiguousarray(item).tobytes()
        return hash_json({'format': 1, 'kind': kind, 'encoder': self.encoder.identity, 'weights': self.fingerprint,
                          'input': hashlib.sha256(data).hexdigest()})

    def load(self) -> None:
        """Load the encoder's weights, once, and note their fingerprint."""
        if not self._loaded:
            self.encoder.load()
            self.encoder.eval().requires_grad_(False)
            self.known = self.encoder.fingerprint()
            self.cache.remember(self.encoder.source, self.known)
            self._loaded = True

    @torch.no_grad()
    def _encode(self, kind: str, items: list, device: torch.device) -> np.ndarray:
        self.encoder.to(device)
        with torch.autocast(device.type, enabled=False):
            if kind == 'image':
                vectors = self.encoder.encode_images(torch.from_numpy(np.stack(items)))
            else:
                vectors = self.encoder.encode_texts(items)
        vectors = vectors.float().cpu().numpy()
        if not np.isfinite(vectors).all():
            raise CheckpointError(f'{self.encoder} gives embeddings that are not finite; its weights are damaged. '
                                  'Fetch them again.')
        return vectors


@MODELS.register_module()
class TargetDescriptor(nn.Module):
    r"""Describe each scene by one vector that says what its target looks like and where it is.

    .. math::
        \mathrm{TD} = T_e + I_e

    with CLIP's embedding of the description :math:`T_e` and of the whole scene :math:`I_e`; without a description
    TD is :math:`I_e`, so the shape never changes.

    A frozen encoder is no part of the module: not in ``parameters()``, ``state_dict()``, ``deepcopy`` or a DDP
    broadcast. Its embeddings are computed once and cached
    (:class:`~irstd_toolbox.models.descriptor_cache.EmbeddingCache`), and the SHA-256 of its weights goes into the
    checkpoint: loading that checkpoint beside other weights is an error.

    Args:
        encoder: Config in ``MODELS`` of the encoder, :class:`~irstd_toolbox.models.clip.OpenCLIPEncoder`.
        text: Where descriptions are used: ``'train'`` (the paper's "Training Only"), ``'train_and_test'``, ``'never'``.
            ``self.training`` tells training from test.
        text_dropout: Share of descriptions left out in training, drawn for each sample from torch's CPU generator; the
            network then also learns what it meets at test, TD without :math:`T_e`.
        normalize: Scale :math:`T_e` and :math:`I_e` to length 1 before they are added.
        frozen: Keep the encoder as it is; False trains it with the network, as a part of the module, without a cache.
        cache_dir: Folder of the cache; ``'auto'`` is ``$IRSTD_CACHE_DIR``, else
            ``~/.cache/irstd_toolbox/descriptors``; None keeps embeddings in memory only.

    Attributes:
        dim: Length ``D`` of the descriptor.
        image_size: Side ``S`` of the scene that the encoder reads.

    Shape:
        - clip_images: N tensors ``(S, S)``, uint8
        - sentences: N strings or None
        - Output: ``(N, D)``, float32, on this module's device

    Raises:
        ConfigError: If an option or the shape of a scene is wrong, or weights are missing.
        CheckpointError: If a checkpoint was trained with other encoder weights.

    Note:
        The paper does not say whether embeddings are normalised; raw ones are the default. Their length (about 10 for
        the published weights, against 1) decides how much the language weighs in an untrained gate.
        "Never" of Table 2 has the numbers of the baseline without a language fusion block, which is
        ``target_descriptor=None``; ``text='never'`` keeps the block and feeds it :math:`I_e`.
        Scenes are cached as they come: an augmentation that flips and turns them makes up to eight of each.
        An empty description counts as none.

    References:
        LGNet, Sec. 3.2, Fig. 4 and Table 2.
    """

    def __init__(self, encoder: dict, text: str = 'train', text_dropout: float = 0.0, normalize: bool = False,
                 frozen: bool = True, cache_dir: str | None = 'auto') -> None:
        super().__init__()
        if text not in TEXT_MODES:
            raise ConfigError(f'text={text!r} is not known. Choose one of {", ".join(TEXT_MODES)}.')
        if not isinstance(text_dropout, int | float) or not 0 <= text_dropout <= 1:
            raise ConfigError(f'text_dropout={text_dropout} is no share. Give a number from 0 to 1.')
        self.text, self.text_dropout, self.normalize, self.frozen = text, text_dropout, normalize, frozen
        encoder = MODELS.build(encoder)
        self.dim, self.image_size = encoder.dim, encoder.image_size
        if frozen:
            folder = default_cache_dir() if cache_dir == 'auto' else cache_dir
            self.holder = FrozenEncoder(encoder, EmbeddingCache(folder))
            self.register_buffer('encoder_fingerprint', torch.zeros(FINGERPRINT_BYTES, dtype=torch.uint8))
            self._agreed: str | None = None
        else:
            encoder.build()
            if text == 'never':
                encoder.freeze_text()
            self.encoder = encoder

    @property
    def uses_text(self) -> bool:
        """Whether descriptions count in the present mode."""
        return self.text == 'train_and_test' or (self.text == 'train' and self.training)

    def init_weights(self) -> None:
        """Load the weights of an encoder that trains; a frozen one loads its own when they are needed."""
        if not self.frozen:
            self.encoder.load()

    def forward(self, clip_images: list[Tensor], sentences: list[str | None]) -> Tensor:
        if len(clip_images) != len(sentences):
            raise ConfigError(f'{len(clip_images)} scenes came with {len(sentences)} descriptions. Give one a scene, '
                              'or None.')
        words = self._words(sentences)
        if self.frozen:
            return self._from_cache(self._stack(clip_images), words)
        return self._trained(self._stack(clip_images), words)

    def _stack(self, scenes: list[Tensor]) -> Tensor:
        side = self.image_size
        for scene in scenes:
            got = f'{scene.dtype} {tuple(scene.shape)}' if isinstance(scene, Tensor) else f'{scene!r}'
            if not isinstance(scene, Tensor) or scene.dtype != torch.uint8 or scene.shape != (side, side):
                raise ConfigError(f'The descriptor takes scenes of torch.uint8 {(side, side)}, got {got}. Set '
                                  f'LoadClipImage(size={side}) in the pipelines.')
        return torch.stack(list(scenes))

    def _words(self, sentences: list[str | None]) -> list[str | None]:
        if not self.uses_text:
            return [None] * len(sentences)
        words = [sentence if sentence and sentence.strip() else None for sentence in sentences]
        if self.training and self.text_dropout:
            dropped = torch.rand(len(words)) < self.text_dropout
            words = [None if drop else word for word, drop in zip(words, dropped.tolist(), strict=True)]
        return words

    def _from_cache(self, scenes: Tensor, words: list[str | None]) -> Tensor:
        device = self.encoder_fingerprint.device
        descriptor = self._scaled(self.holder.images(scenes, device))
        told = [i for i, word in enumerate(words) if word is not None]
        if told:
            descriptor[told] += self._scaled(self.holder.texts([words[i] for i in told], device))
        self._agree()
        return descriptor

    def of_scenes(self, scenes: Tensor) -> Tensor:
        """uint8 scenes ``(N, S, S)`` to their embeddings ``(N, D)``, computed past the cache.

        Raises:
            CheckpointError: If a frozen encoder's weights are not those of the checkpoint.
        """
        if self.frozen:
            self.holder.load()
            self._agree()
        encoder = self.holder.encoder if self.frozen else self.encoder
        return self._scaled(encoder.encode_images(scenes).float())

    def _trained(self, scenes: Tensor, words: list[str | None]) -> Tensor:
        descriptor = self.of_scenes(scenes)
        if self.uses_text:  # the text tower runs for every sample, so that DDP meets a gradient of every parameter
            told = torch.tensor([[word is not None] for word in words], device=descriptor.device)
            texts = self._scaled(self.encoder.encode_texts([word or '' for word in words]).float())
            descriptor = descriptor + texts * told
        return descriptor

    def _scaled(self, embeddings: Tensor) -> Tensor:
        return F.normalize(embeddings, dim=1) if self.normalize else embeddings

    def _agree(self, stored: Tensor | None = None) -> None:
        """Hold the encoder's weights against a fingerprint, ours or one to be loaded; note them where there is none."""
        known = self.holder.known
        if known is None or (stored is None and known == self._agreed):
            return
        own = self.encoder_fingerprint if stored is None else stored
        other = bytes(own.cpu().tolist()).hex()
        if any(own.tolist()) and other != known:
            raise CheckpointError(
                f'The checkpoint was trained with encoder weights {other[:12]}, and {self.holder.encoder} has '
                f'{known[:12]} (SHA-256 of the tensors). Give target_descriptor.encoder the model and the weights of '
                'that training; or, to train on from it with others, take encoder_fingerprint out of the checkpoint.')
        if stored is None:
            own.copy_(torch.frombuffer(bytearray.fromhex(known), dtype=torch.uint8))
            self._agreed = known

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        if self.frozen:
            self._agree()
        super()._save_to_state_dict(destination, prefix, keep_vars)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        stored = state_dict.get(f'{prefix}encoder_fingerprint')
        if self.frozen and stored is not None:
            self._agree(stored)
            self._agreed = None
        super()._load_from_state_dict(state_dict, prefix, *args)
