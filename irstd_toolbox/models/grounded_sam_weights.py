"""Networks and tokenizers of transformers: which of them are driven, and where their weights come from."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ..errors import CheckpointError, ConfigError
from .clip_weights import brief, reachable

__all__ = ['load_network', 'load_tokenizer', 'untrained_network']

# The kinds of networks, by transformers' name (model_type), whose inputs and outputs this toolbox knows.
KINDS = {'detector': ('grounding-dino', 'mm-grounding-dino'), 'segmenter': ('sam', 'sam2', 'sam2_video')}
AUTO = {'detector': 'AutoModelForZeroShotObjectDetection', 'segmenter': 'AutoModelForMaskGeneration'}
# Tags whose architecture is the default one of their kind, so that it is known without a file.
DEFAULT_OF = {'IDEA-Research/grounding-dino-tiny': 'grounding-dino', 'facebook/sam-vit-base': 'sam'}
_TAG = re.compile(r'[\w.-]+/[\w.-]+')


def load_network(part: str, pretrained: str) -> nn.Module:
    """The ``'detector'`` or the ``'segmenter'`` with its weights, in float32 and in test mode.

    Args:
        part: Which of the two.
        pretrained: A folder that ``save_pretrained`` wrote, or a tag of the hub: from its cache on this machine if it
            is there, else fetched.

    Raises:
        ConfigError: If transformers is missing, the tag cannot be fetched, or the network is of a kind not driven.
        CheckpointError: If the folder is missing or damaged, or lacks weights of the network.
    """
    import torch
    library = _transformers()
    _check_kind(part, pretrained, _read(pretrained, library.AutoConfig.from_pretrained))
    make = getattr(library, AUTO[part]).from_pretrained
    network, report = _read(pretrained, lambda source, **options: make(
        source, dtype=torch.float32, output_loading_info=True, **options))
    absent = sorted(report['missing_keys'])
    if absent:
        raise CheckpointError(f'{pretrained} lacks {len(absent)} weights of {type(network).__name__}, such as '
                              f'{absent[0]}; they would be random. Fetch it again, or take another checkpoint.')
    return network.eval()


def load_tokenizer(pretrained: str) -> Callable:
    """The tokenizer beside a detector's weights; raises as :func:`load_network` does."""
    return _read(pretrained, _transformers().AutoTokenizer.from_pretrained)


def untrained_network(part: str, pretrained: str) -> nn.Module:
    """The same network on the meta device, without weights, to count its parameters; nothing is fetched.

    Raises:
        ConfigError, CheckpointError: As :func:`load_network` does, and if the architecture is not known on this
            machine.
    """
    import torch
    library = _transformers()
    if pretrained in DEFAULT_OF:
        config = library.AutoConfig.for_model(DEFAULT_OF[pretrained])
    else:
        config = _read(pretrained, library.AutoConfig.from_pretrained, fetch=False)
        _check_kind(part, pretrained, config)
    with torch.device('meta'):
        return getattr(library, AUTO[part]).from_config(config)


def _transformers() -> ModuleType:
    try:
        import transformers
    except ImportError as error:
        raise ConfigError("GroundedSAM needs transformers. Run: pip install 'irstd-toolbox[grounded_sam]'") from error
    return transformers


def _check_kind(part: str, pretrained: str, config: Any) -> None:
    if config.model_type not in KINDS[part]:
        raise ConfigError(f'{pretrained} is of the kind {config.model_type!r}, and a {part} of the kinds '
                          f'{", ".join(KINDS[part])} is expected. Give {part}.pretrained another tag or folder.')


def _read(pretrained: str, reader: Callable, fetch: bool = True) -> Any:
    """What ``reader`` makes of a folder, of the hub's cache, or else of the hub."""
    folder = Path(pretrained).expanduser()
    advice = ('On a machine with network: AutoProcessor.from_pretrained(TAG).save_pretrained(FOLDER), the same with '
              "the network's class (docs/grounded_sam.md), copy FOLDER here and say pretrained=FOLDER.")
    if folder.is_dir():
        try:
            return reader(str(folder), local_files_only=True)
        except Exception as error:
            raise CheckpointError(f'{folder} cannot be read as what save_pretrained writes: {brief(error)}. '
                                  f'{advice}') from error
    if not _TAG.fullmatch(pretrained):
        raise CheckpointError(f'pretrained={pretrained!r} is no folder, nor has it the form of a tag, OWNER/NAME. '
                              f'{advice}')
    import huggingface_hub
    with suppress(Exception):  # not all in the cache; transformers raises errors of several kinds
        return reader(pretrained, local_files_only=True)
    try:
        if not fetch or not reachable(huggingface_hub.constants.ENDPOINT):
            raise ConnectionError('no network' if fetch else 'nothing is fetched to count')  # the client would try long
        return reader(pretrained, local_files_only=False)
    except Exception as error:
        raise ConfigError(f'{pretrained} is neither a folder nor on this machine, and cannot be fetched '
                          f'({brief(error)}). {advice}') from error
