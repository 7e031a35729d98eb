"""CLIP as an encoder of scenes and sentences, through open_clip."""

import math
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..registry import MODELS
from .clip_weights import brief, check_meaning, check_source, fingerprint, is_file_name, load_weights, model_config

__all__ = ['OpenCLIPEncoder']


@MODELS.register_module()
class OpenCLIPEncoder(nn.Module):
    """Embed grey scenes and sentences into CLIP's common space.

    Building reads a config and nothing else; weights are loaded (and, for a tag, fetched where there is a network) by
    :meth:`load`, which the first use calls.

    Args:
        model: A name that ``open_clip.list_models()`` lists, or a config dict of its form
            (``embed_dim``, ``vision_cfg``, ``text_cfg``).
        pretrained: A tag of that model; a local file (``.safetensors``, ``.pt``, ``.pth``, ``.bin``); or ``'random'``:
            an untrained stand-in for tests and demonstrations without a download, whose vectors carry no meaning.
        seed: Seed of ``'random'``.
        mean, std: Normalisation of the three channels, on the 0..1 scale; None takes the tag's own, which for a
            file or an inline config is OpenAI's.

    Attributes:
        dim: Length ``D`` of an embedding.
        image_size: Side ``S`` of the square scene.
        context_length: Tokens that the text tower reads.
        untrained: True for ``'random'``.
        passes: How often each tower was run, ``{'image': int, 'text': int}``.
        long_sentences: How many different sentences were cut so far.

    Raises:
        ConfigError: If the model or the tag is unknown, or the tag was trained with the other activation function:
            OpenAI's weights need ``ViT-B-16-quickgelu``, and open_clip itself only warns at ``ViT-B-16``.

    References:
        Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021.

    Example:
        >>> encoder = OpenCLIPEncoder()
        >>> encoder.dim, encoder.image_size, encoder.loaded
        (512, 224, False)
    """

    def __init__(self, model: str | Mapping = 'ViT-B-16-quickgelu', pretrained: str = 'openai', seed: int = 0,
                 mean: list[float] | None = None, std: list[float] | None = None) -> None:
        super().__init__()
        self.model = model.replace('/', '-') if isinstance(model, str) else model
        self.pretrained, self.seed = str(pretrained), seed
        self.config = model_config(self.model)
        self.untrained = self.pretrained == 'random'
        if not self.untrained:
            check_source(self.model, self.pretrained, self.config)
        self.dim = int(self.config['embed_dim'])
        self.image_size = self._square(self.config['vision_cfg'].get('image_size', 224))
        self.context_length = int(self.config['text_cfg'].get('context_length', 77))
        self.mean, self.std = self._normalisation(mean, std)
        self.clip: nn.Module | None = None
        self.loaded = False
        self.passes = {'image': 0, 'text': 0}
        self.long_sentences, self._longest, self._warn_at = 0, 0, 1
        self._measured: set[str] = set()
        if self.untrained:
            warnings.warn(f"{self}: pretrained='random' is an untrained stand-in; its descriptors carry no meaning.",
                          stacklevel=2)

    def __str__(self) -> str:
        weights = f'random, seed {self.seed}: untrained' if self.untrained else self.pretrained
        return f'{self.model if isinstance(self.model, str) else "inline CLIP"} ({weights})'

    @property
    def identity(self) -> dict:
        """What, beside the weights and the input, decides an embedding; it can be written as JSON."""
        return {'config': self.config, 'mean': list(self.mean), 'std': list(self.std),
                'tokenizer': self.model if isinstance(self.model, str) else self.config['text_cfg'].get(
                    'hf_tokenizer_name') or 'simple'}

    @property
    def source(self) -> dict | None:
        """What is known of the weights before they are loaded; it can be written as JSON. None: nothing."""
        if self.untrained:
            return {'config': self.config, 'seed': self.seed, 'torch': torch.__version__}
        if not is_file_name(self.pretrained):
            return {'model': self.model, 'tag': self.pretrained}
        try:
            path = Path(self.pretrained).resolve()
            status = path.stat()
        except OSError:
            return None
        return {'config': self.config, 'file': str(path), 'bytes': status.st_size, 'mtime_ns': status.st_mtime_ns}

    def build(self) -> None:
        """Make the network with untrained weights, leaving the caller's random state as it was.

        Raises:
            ConfigError: If open_clip cannot build the config.
        """
        if self.clip is not None:
            return
        import open_clip
        config = model_config(self.config)  # a copy
        custom = config.pop('custom_text', False) or 'hf_model_name' in config['text_cfg']
        for part, name, flag in (('text_cfg', 'hf_model_name', 'hf_model_pretrained'),
                                 ('vision_cfg', 'timm_model_name', 'timm_model_pretrained')):
            if name in config[part]:
                config[part][flag] = False  # else the towers fetch weights of their own
        kind = open_clip.CLIP
        if custom:
            kind = open_clip.CoCa if 'multimodal_cfg' in config else open_clip.CustomTextCLIP
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                clip = kind(**config)
        except Exception as error:
            raise ConfigError(f'open_clip cannot build {self}: {error}. Correct the config; a text tower of the hub '
                              'also needs transformers and its files on this machine.') from error
        for name, parameter in clip.named_parameters():  # of the contrastive loss only
            parameter.requires_grad_(name not in ('logit_scale', 'logit_bias'))
        self.clip = clip

    def load(self) -> None:
        """Make the network and fill it, once.

        Raises:
            ConfigError: If a tag's weights are neither here nor to be fetched.
            CheckpointError: If the file is missing, damaged, unsafe or of another architecture, or says that it was
                trained with another normalisation.
        """
        if self.loaded:
            return
        self.build()
        if not self.untrained:
            load_weights(self.clip, self.model, self.pretrained)
            if is_file_name(self.pretrained):
                check_meaning(self.pretrained, self.identity)
        self.loaded = True

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        # Weights from a checkpoint of the whole network are not to be replaced by those of `pretrained`.
        self.loaded = self.loaded or any(key.startswith(f'{prefix}clip.') for key in state_dict)

    def freeze_text(self) -> None:
        """Take what only the text tower uses out of training."""
        for name, parameter in self.clip.named_parameters():
            parameter.requires_grad_(parameter.requires_grad and name.startswith('visual.'))

    def fingerprint(self) -> str:
        """SHA-256 of the loaded weights."""
        self.load()
        return fingerprint(self.clip)

    def encode_images(self, scenes: Tensor) -> Tensor:
        """Embed scenes.

        Args:
            scenes: Grey, uint8, resized to the model's square before.

        Shape:
            - scenes: ``(N, S, S)``
            - Output: ``(N, D)``, not normalised

        Raises:
            ConfigError: If a scene has another size or type.
        """
        self.check_scenes(scenes)
        self.load()
        self.passes['image'] += 1
        device = next(self.clip.parameters()).device
        grey = scenes.to(device).float()[:, None].div(255).expand(-1, 3, -1, -1)
        mean, std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (self.mean, self.std))
        return self.clip.encode_image((grey - mean) / std)

    def encode_texts(self, sentences: list[str]) -> Tensor:
        """Embed N sentences as ``(N, D)``, not normalised. What is too long is cut, with a warning."""
        self.check_lengths(sentences)
        self.load()
        self.passes['text'] += 1
        return self.clip.encode_text(self.tokenizer(list(sentences)).to(next(self.clip.parameters()).device))

    def check_scenes(self, scenes: Tensor) -> None:
        """Raise ConfigError unless ``scenes`` is uint8 ``(N, S, S)``."""
        side = self.image_size
        if scenes.dtype != torch.uint8 or scenes.shape[1:] != (side, side):
            raise ConfigError(f'{self} takes uint8 scenes of {side} x {side}, got {scenes.dtype} of shape '
                              f'{tuple(scenes.shape[1:])}. Set LoadClipImage(size={side}) in the pipelines.')

    def check_lengths(self, sentences: list[str]) -> None:
        """Warn when sentences are cut: at the first one, then when their number has grown tenfold, and so on."""
        for sentence in set(sentences) - self._measured:
            self._measured.add(sentence)
            tokens = self.count_tokens(sentence)
            if tokens > self.context_length:
                self.long_sentences += 1
                self._longest = max(self._longest, tokens)
        if self.long_sentences >= self._warn_at:
            while self._warn_at <= self.long_sentences:
                self._warn_at *= 10
            warnings.warn(f'{self.long_sentences} of {len(self._measured)} sentences so far are longer than the '
                          f'{self.context_length} tokens that {self} reads (the longest: {self._longest} tokens); the '
                          'rest of each is cut. Write shorter descriptions.', stacklevel=2)

    def count_tokens(self, sentence: str) -> int:
        """Tokens of a sentence, its start and end marks included."""
        if hasattr(self.tokenizer, 'encode'):
            return len(self.tokenizer.encode(sentence)) + 2
        return len(self.tokenizer.tokenizer(sentence)['input_ids'])

    @cached_property
    def tokenizer(self):
        """The model's tokenizer; an inline config gets the one that it names, else CLIP's own.

        Raises:
            ConfigError: If it comes from the hub and is not on this machine.
        """
        import open_clip
        text = self.config['text_cfg']
        name = text.get('hf_tokenizer_name')
        if not isinstance(self.model, str) and not name:
            return open_clip.SimpleTokenizer(context_length=self.context_length)
        make = f"get_tokenizer('{self.model}')" if isinstance(self.model, str) else f"tokenizer.HFTokenizer('{name}')"
        try:
            if isinstance(self.model, str):
                return open_clip.get_tokenizer(self.model)
            return open_clip.tokenizer.HFTokenizer(
                name, context_length=self.context_length, tokenizer_mode=text.get('tokenizer_mode'),
                **text.get('tokenizer_kwargs', {}))
        except Exception as error:
            raise ConfigError(f'The tokenizer of {self} cannot be loaded: {brief(error)}. Fetch it on a machine with '
                              f'network: python -c "import open_clip; open_clip.{make}" and copy the hub cache, or '
                              'choose a model with a tokenizer of its own (ViT-B-16-quickgelu).') from error

    def _square(self, size: int | list[int]) -> int:
        sides = {size} if isinstance(size, int) else set(size)
        if len(sides) != 1:
            raise ConfigError(f'{self.model} reads images of {size}; only square ones are supported.')
        return int(sides.pop())

    def _normalisation(self, mean: list[float] | None, std: list[float] | None) -> tuple[tuple, tuple]:
        import open_clip
        tag = {} if self.untrained or is_file_name(self.pretrained) else open_clip.get_pretrained_cfg(
            self.model, self.pretrained)
        values = (mean or tag.get('mean') or open_clip.OPENAI_DATASET_MEAN,
                  std or tag.get('std') or open_clip.OPENAI_DATASET_STD)
        for name, value in zip(('mean', 'std'), values, strict=True):
            numbers = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
            if len(numbers) != 3 or not all(isinstance(v, int | float) and math.isfinite(v) for v in numbers) or (
                    name == 'std' and min(numbers) <= 0):
                raise ConfigError(f'OpenCLIPEncoder({name}={value!r}): three finite numbers on the 0..1 scale are '
                                  'expected, one a channel, those of std above 0.')
        return tuple(tuple(float(v) for v in value) for value in values)
