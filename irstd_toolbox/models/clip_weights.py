"""Where CLIP's weights come from: a tag of open_clip or a local file, read without executing what it holds."""

import difflib
import hashlib
import json
import os
import ssl
import urllib.error
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ..errors import CheckpointError, ConfigError

__all__ = ['brief', 'check_meaning', 'check_source', 'fingerprint', 'is_file_name', 'load_weights', 'model_config',
           'reachable']

SUFFIXES = ('.safetensors', '.pt', '.pth', '.bin')
PROBE_SECONDS = 10
WITHOUT = ("To go on without them: the encoder's pretrained=random, an untrained stand-in; for LGNet --cfg-options "
           'model.target_descriptor.encoder.pretrained=random, or model.target_descriptor=None '
           'model.neck.language_fusion=None, which is without language.')


def model_config(model: str | Mapping) -> dict:
    """The config of an architecture, with no network: of a name that open_clip knows, or given as it is.

    Raises:
        ConfigError: If the name is unknown, or the dict lacks ``embed_dim``, ``vision_cfg`` or ``text_cfg``.
    """
    if not isinstance(model, str | Mapping):
        raise ConfigError(f'OpenCLIPEncoder(model={model!r}): a name that open_clip lists, or a config dict, is '
                          'expected.')
    if isinstance(model, Mapping):
        missing = [key for key in ('embed_dim', 'vision_cfg', 'text_cfg') if key not in model]
        if missing:
            raise ConfigError(f'The CLIP config lacks {", ".join(missing)}. Give a name that open_clip lists, or a '
                              'dict with embed_dim, vision_cfg and text_cfg, as in open_clip/model_configs/*.json.')
        return json.loads(json.dumps(model))
    import open_clip
    if ':' in model:
        raise ConfigError(f'model={model!r} would be fetched while building. Download its folder, then give the '
                          "'model_cfg' of its open_clip_config.json as model=, its weights as pretrained=FILE, and "
                          "mean= and std= of its 'preprocess_cfg'.")
    config = open_clip.get_model_config(model)
    if config is None:
        near = difflib.get_close_matches(model, open_clip.list_models(), n=5, cutoff=0.5)
        raise ConfigError(f'open_clip has no model {model!r}. Near: {", ".join(near) or "none"}. All: '
                          'python -c "import open_clip; print(open_clip.list_models())".')
    return config


def is_file_name(pretrained: str) -> bool:
    """Whether ``pretrained`` is meant as a path and not as a tag."""
    return os.sep in pretrained or Path(pretrained).suffix in SUFFIXES or Path(pretrained).is_file()


def check_source(model: str | Mapping, pretrained: str, config: dict) -> None:
    """Refuse, offline and before anything is loaded, a tag that the model does not have or that does not match it.

    Raises:
        ConfigError: If a tag is unknown, asked for an inline config, or was trained with the other activation.
    """
    if is_file_name(pretrained):
        return
    if isinstance(model, Mapping):
        raise ConfigError(f'pretrained={pretrained!r}: a tag belongs to a model of open_clip by name, and the model is '
                          f"an inline config. Give a local file ({', '.join(SUFFIXES)}) or 'random'.")
    import open_clip
    tag = open_clip.get_pretrained_cfg(model, pretrained)
    if not tag:
        tags = ', '.join(open_clip.list_pretrained_tags_by_model(model)) or 'none'
        raise ConfigError(f'pretrained={pretrained!r} is neither a file nor a tag of {model}. Tags: {tags}. '
                          f"Else give a local file ({', '.join(SUFFIXES)}) or 'random'.")
    if bool(tag.get('quick_gelu')) != bool(config.get('quick_gelu')):
        twin = model.removesuffix('-quickgelu') if model.endswith('-quickgelu') else f'{model}-quickgelu'
        if open_clip.get_pretrained_cfg(twin, pretrained) and open_clip.get_model_config(twin):
            raise ConfigError(f"The {pretrained!r} weights of {model} were trained with the other activation function "
                              f"(GELU against QuickGELU); the embeddings would be wrong. Say model='{twin}'.")


def load_weights(clip: nn.Module, model: str | Mapping, pretrained: str) -> None:
    """Fill ``clip`` from a local file, or from a tag: the file on disk where it was fetched before, else the network.

    Raises:
        ConfigError: If the tag's file is not here and cannot be fetched.
        CheckpointError: If the file is missing, damaged, holds more than tensors, is of another architecture, or of a
            training that diverged.
    """
    import open_clip
    path = Path(pretrained) if is_file_name(pretrained) else _fetch(model, pretrained)
    _check_readable(path)
    try:
        open_clip.load_checkpoint(clip, str(path), weights_only=True)
    except Exception as error:  # open_clip converts and reshapes first, each with errors of its own
        name = model if isinstance(model, str) else 'the inline config'
        raise CheckpointError(f'{path} does not fit the architecture of {name}: {brief(error)}. Give the model= that '
                              'the file was saved from.') from error
    if lost := [name for name, tensor in clip.named_parameters() if not tensor.isfinite().all()]:
        raise CheckpointError(f'{path} holds values that are no finite numbers, in {", ".join(lost[:3])}: its training '
                              'diverged, or the file is damaged. Take an earlier one, or fetch it again.')


def read_note(text: str, part: str, file: str | os.PathLike) -> dict:
    """One object of the note that this toolbox writes into the files that it exports; empty if it has none.

    Raises:
        CheckpointError: If the note is no JSON object, or the part none.
    """
    try:
        found = json.loads(text).get(part, {})
        if not isinstance(found, dict):
            raise ValueError(f'{part} is no object')
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f'The note irstd_toolbox of {file} is {text!r:.60}; expected a JSON object, in which '
                              f'{part} is one. Export the file anew.') from error
    return found


def check_meaning(pretrained: str, identity: dict) -> None:
    """Hold what a file says of itself, if it is one that this toolbox exported, against the encoder that reads it.

    Activation function and normalisation leave no trace in the tensors.

    Raises:
        CheckpointError: If the file was trained under another architecture or normalisation, or its note is damaged.
    """
    if Path(pretrained).suffix != '.safetensors':
        return
    from safetensors import safe_open
    with safe_open(pretrained, framework='pt') as file:
        text = (file.metadata() or {}).get('irstd_toolbox', '{}')
    meant = read_note(text, 'identity', pretrained)
    for key, option in (('config', 'model'), ('mean', 'mean'), ('std', 'std')):
        own = json.loads(json.dumps(identity[key]))
        if key in meant and meant[key] != own:
            raise CheckpointError(f'{pretrained} was trained with {key} {meant[key]}, and the encoder has {own}; its '
                                  f'embeddings would be wrong. Give the encoder the {option}= of that training.')


def fingerprint(module: nn.Module) -> str:
    """SHA-256 over names, types, shapes and bytes of a module's tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _check_readable(path: Path) -> None:
    """Read the file by ourselves first, tensors only.

    open_clip falls back to a plain ``torch.load`` on a TypeError, which unpickles anything before torch 2.6.
    """
    if not path.is_file():
        raise CheckpointError(f'The CLIP weights {path} are not there. Give an existing file ({", ".join(SUFFIXES)}). '
                              f'{WITHOUT}')
    if path.suffix not in SUFFIXES:
        raise CheckpointError(f'{path} is not a weights file that is read: expected one of {", ".join(SUFFIXES)}.')
    try:
        if path.suffix == '.safetensors':
            from safetensors import safe_open
            with safe_open(path, framework='pt') as file:
                file.keys()
        else:
            content = torch.load(path, map_location='cpu', weights_only=True, mmap=zipfile.is_zipfile(path))
            _check_names(content, path)
    except CheckpointError:
        raise
    except Exception as error:
        if 'TorchScript' in str(error):
            raise CheckpointError(f'The CLIP weights {path} are a TorchScript archive, a program, which is not run. '
                                  "Take the same weights as tensors: those of open_clip's tag 'openai', for one.",
                                  ) from error
        raise CheckpointError(f'The CLIP weights {path} cannot be read as tensors: {brief(error)}. The file is '
                              'damaged or cut short, or holds more than tensors, which is refused because unpickling '
                              'it could execute code. Fetch it again, or save its state_dict as '
                              '.safetensors.') from error


def _check_names(content: object, path: Path) -> None:
    weights = content.get('state_dict', content) if isinstance(content, dict) else content
    if not isinstance(weights, dict) or not weights or not all(isinstance(name, str) for name in weights):
        raise CheckpointError(f'The CLIP weights {path} hold {weights!r:.40}; tensors by name are expected, a state '
                              'dict. Save that of the network.')


def _fetch(model: str, tag: str) -> Path:
    """The file of a tag: from the hub's local cache if it is there, else through open_clip."""
    import huggingface_hub
    import open_clip
    config = open_clip.get_pretrained_cfg(model, tag)
    repository, name = os.path.split(config.get('hf_hub', ''))
    if repository:
        names = (name,) if name else ('open_clip_model.safetensors', 'open_clip_pytorch_model.bin')
        safe = [f'{Path(name).stem}.safetensors' for name in names]
        for candidate in dict.fromkeys([*safe, *names]):
            cached = huggingface_hub.try_to_load_from_cache(repository, candidate)
            if isinstance(cached, str):
                return Path(cached)
    try:
        if repository and not reachable(huggingface_hub.constants.ENDPOINT):
            raise ConnectionError('no network')  # the hub's own client would try for three quarters of a minute
        return Path(open_clip.download_pretrained(config))
    except Exception as error:
        raise ConfigError(
            f'The CLIP weights {model}/{tag} are not on this machine and cannot be fetched ({brief(error)}). On a '
            f'machine with network: python -c "import open_clip as o; '
            f"print(o.download_pretrained(o.get_pretrained_cfg('{model}', '{tag}')))\", copy the file it prints here "
            f'and say pretrained=FILE{_own_normalisation(config)}. {WITHOUT}') from error


def _own_normalisation(tag: dict) -> str:
    """What else a file of a tag needs to be told, whose scenes are not normalised by OpenAI's mean and deviation."""
    import open_clip
    usual = dict(mean=open_clip.OPENAI_DATASET_MEAN, std=open_clip.OPENAI_DATASET_STD)
    own = {key: tag[key] for key in usual if tag.get(key) and tuple(tag[key]) != tuple(usual[key])}
    return ''.join(f', {key}=[{", ".join(f"{value:g}" for value in values)}]' for key, values in own.items())


def reachable(url: str) -> bool:
    """Whether a server answers at all, by the environment's proxy where one is set."""
    if os.environ.get('HF_HUB_OFFLINE', '').upper() in ('1', 'TRUE', 'YES', 'ON'):
        return False
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method='HEAD'), timeout=PROBE_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLError)  # the hub's client brings its own certificates
    except OSError:
        return False


def brief(error: Exception) -> str:
    """The start of an error's text on one line."""
    text = ' '.join(str(error).split()) or type(error).__name__
    return (text if len(text) <= 200 else f'{text[:200]} ...').rstrip('.')
