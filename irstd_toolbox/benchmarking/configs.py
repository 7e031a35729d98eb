"""An entry's config with its options, bound to data sets, and what its data lists hold."""

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from ..evaluation.files import write_atomically
from ..registry import DATASETS, SCOPE
from ..training.checkpoint import file_sha256
from ..training.config_edits import apply_options, load_config, merge_options
from ..training.progress import hushed
from .leaks import lists_of
from .suite import DataSet, Entry

__all__ = [
    'bind', 'data_of', 'is_trained', 'list_digest', 'named_files', 'own_data_sets', 'plain', 'resolve', 'text_at_test',
    'uses_text', 'write_config']

_FILE_KEYS = ('load_from', 'pretrained', 'threshold')
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def resolve(entry: Entry, options: Mapping[str, Any], words: Sequence[str] = ()) -> Config:
    """The config of an entry with its own options and, if it is trained, the suite's before and the words' after them.

    Args:
        entry: The entry.
        options: Of the suite.
        words: ``KEY=VALUE`` of the command line.

    Raises:
        ConfigError: If the config cannot be read, or an option has no place in it.
    """
    config = load_config(str(entry.config))
    trained = is_trained(config)
    if trained:
        merge_options(config, options)
    merge_options(config, entry.options)
    if trained:
        apply_options(config, words)
    return config


def is_trained(config: Config) -> bool:
    """Whether there is something to train: configs of model-driven methods have no training loop."""
    return bool(config.get('train_cfg'))


def uses_text(config: Config) -> bool:
    """Whether descriptions play a part."""
    descriptor = config.model.get('target_descriptor')
    return bool(descriptor) and descriptor.get('text') != 'never'


def text_at_test(config: Config) -> bool:
    """Whether the model reads descriptions of test images."""
    descriptor = config.model.get('target_descriptor')
    return bool(descriptor) and descriptor.get('text') == 'train_and_test'


def data_of(config: Config, loader: str) -> list[Any]:
    """The data sets of a loader, those inside of wrappers too: every dict with ``data_root``."""
    return list(_with_roots(config.get(loader)))


def _with_roots(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping):
        if 'data_root' in node:
            yield node
        else:
            for value in node.values():
                yield from _with_roots(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _with_roots(value)


def tested_list(config: Config) -> dict[str, Any]:
    """The list that a config tests on, shortened as its ``indices`` say."""
    data = data_of(config, 'test_dataloader')[0]
    told, = lists_of([data])
    return told if data.get('indices') is None else dict(told, indices=plain(data['indices']))


def name_of(data: Mapping) -> str:
    """What a config's data set is called: its name, or its folder's."""
    return data.get('name') or Path(data['data_root']).name


def own_data_sets(config: Config) -> tuple[DataSet | None, DataSet | None]:
    """The data sets that a config itself names, for training and for test."""
    found = []
    for loader in ('train_dataloader', 'test_dataloader'):
        data = next(iter(data_of(config, loader)), None)
        found.append(data and DataSet(name_of(data), Path(data.data_root), own=True))
    return found[0], found[1]


def bind(config: Config, trained: DataSet | None, tested: DataSet | None, descriptions: Mapping[str, Path]) -> Config:
    """A copy of a config that trains on one data set and tests on another.

    Args:
        config: The config of an entry.
        trained: None for a method without training.
        tested: None if there is no test.
        descriptions: Folder of descriptions by name of the data set.
    """
    bound = deepcopy(config)
    places = dict.fromkeys(_LOADERS[:2], trained) | {_LOADERS[2]: tested}
    first = next(iter(data_of(config, 'train_dataloader')), {})
    for loader, place in places.items():
        for data in data_of(bound, loader) if place else ():
            if not place.own:
                data.update(data_root=str(place.root), name=place.dataset)
                data.pop('layout', None)
            if place.train and loader != 'test_dataloader' and data.get('split') == first.get('split'):
                data.split = place.train
            if place.test and loader == 'test_dataloader':
                data.split = place.test
            # At test a description is looked for where the model reads it, and nowhere else.
            if place.name in descriptions and (loader != 'test_dataloader' or text_at_test(config)):
                data.description_dir = str(descriptions[place.name])
    return bound


def plain(value: Any) -> Any:
    """A config or a part of it as JSON holds it."""
    if isinstance(value, Config):
        value = value.to_dict()
    return json.loads(json.dumps(value, default=str))


def named_files(value: Any, place: str = '') -> dict[str, str]:
    """SHA-256 of the files that a plain config or a part of it names as weights or threshold, by their key.

    Of a folder, such as transformers' models are, those of all the files in it.

    Args:
        value: As :func:`plain` gives it.
        place: Where it stands in the config.
    """
    if isinstance(value, dict):
        parts = [(f'{place}.{key}' if place else key, one) for key, one in value.items()]
    elif isinstance(value, list):
        parts = [(f'{place}.{number}', one) for number, one in enumerate(value)]
    elif isinstance(value, str) and value and place.rpartition('.')[2] in _FILE_KEYS:
        path = Path(value)
        files = {place: path} if path.is_file() else {
            f'{place}/{file.relative_to(path).as_posix()}': file for file in sorted(path.rglob('*')) if file.is_file()}
        return {key: _sha256(file, file.stat().st_size, file.stat().st_mtime_ns) for key, file in files.items()}
    else:
        return {}
    return {key: digest for where, one in parts for key, digest in named_files(one, where).items()}


@functools.lru_cache
def _sha256(path: Path, size: int, modified: int) -> str:
    """Read once for all the jobs that depend on the file."""
    return file_sha256(path)


def write_config(config: Config, path: Path) -> None:
    """Write a resolved config: every value of it, and no base."""
    lines = [f'{key} = {value!r}' for key, value in config.to_dict().items() if _is_literal(value)]
    write_atomically(path, ('\n'.join(lines) + '\n').encode())


def _is_literal(value: Any) -> bool:
    """False for classes and functions, which pure-Python configs have among their names."""
    if isinstance(value, dict):
        return all(map(_is_literal, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_literal, value))
    return value is None or isinstance(value, str | int | float | bool)


def list_digest(config: Config, loader: str) -> dict[str, Any]:
    """Number and SHA-256 of the images of a loader, with their descriptions if the model reads them there.

    Raises:
        DataError: If the data is missing.
    """
    init_default_scope(SCOPE)
    with_text = uses_text(config) and (loader != 'test_dataloader' or text_at_test(config))
    digest, count = hashlib.sha256(), 0
    for data in data_of(config, loader):
        with hushed(MMLogger.get_current_instance()):  # the job that reads it tells of it in its log
            dataset = DATASETS.build(dict(data, pipeline=[]))
        for place in range(len(dataset)):
            about = dataset.get_data_info(place)
            words = [about.get('image_id') or about.get('img_path'), about.get('description') if with_text else None]
            digest.update(json.dumps(words).encode())
            count += 1
    return dict(images=count, sha256=digest.hexdigest())
