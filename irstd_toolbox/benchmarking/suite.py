"""What a benchmark is made of: entries, data sets, seeds and protocols, from a suite file and a command line."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError
from ..training.checkpoint import find_checkpoint
from ..training.config_edits import load_config
from .suite_values import wrong_references, wrong_values

__all__ = [
    'DataSet', 'Entry', 'FinishedTest', 'Suite', 'add_configs', 'named_roots', 'only_entries', 'read_suite', 'slug',
    'with_checkpoints']


def slug(name: str) -> str:
    """A name as the name of a folder.

    Example:
        >>> slug('LGNet, + fusion')
        'LGNet_+_fusion'
    """
    return re.sub(r'[^\w.+=-]+', '_', name).lstrip('.') or '_'


@dataclass(frozen=True)
class FinishedTest:
    """A test that was made elsewhere, such as on a machine from which the weights were too large to bring back.

    Args:
        folder: What ``tools/test.py`` wrote: ``results.json`` and ``predictions/``.
        seed: Of the training.
    """

    folder: Path
    seed: int


@dataclass(frozen=True)
class Entry:
    """One method of a benchmark.

    Args:
        config: Path of its config.
        name: What tables call it.
        group: Heading of the rows that belong together, such as ``'Table 6'``.
        options: Dotted keys of the config to values.
        describe: Who describes its images: ``provider``, and ``options`` as words of ``tools/annotate.py``.
        references: Published figures: ``source``, ``protocol``, ``dataset`` and metrics (percent, Fa in 1e-6).
        checkpoints: Weights to take in place of a training, one a seed.
        tested: Tests that were made elsewhere, in place of training and testing, one a seed.
    """

    config: Path
    name: str
    group: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    describe: Mapping[str, Any] | None = None
    references: tuple[Mapping[str, Any], ...] = ()
    checkpoints: tuple[Path, ...] = ()
    tested: tuple[FinishedTest, ...] = ()


@dataclass(frozen=True)
class DataSet:
    """A data set that entries are trained and tested on.

    Args:
        name: What tables call it.
        root: Its folder; None if it is made.
        synthesize: Words of ``tools/synthesize.py`` that make it.
        train: List to train on, in place of that of each config, such as ``'idx_320/trainval'``.
        test: List to test on, likewise.
        dataset: Which one, if ``root`` holds several.
        own: Whether it is the one that a config names, so that nothing of the config changes.
    """

    name: str
    root: Path | None = None
    synthesize: tuple[str, ...] | None = None
    train: str | None = None
    test: str | None = None
    dataset: str | None = None
    own: bool = False


@dataclass(frozen=True)
class Suite:
    """A whole benchmark.

    Args:
        title: Heading of the report.
        entries: The methods.
        options: Dotted keys to values, for every entry that is trained.
        seeds: Of the trainings.
        protocols: Names of the protocols that are scored.
        datasets: To train and test on; empty for the data set of each config.
        cross: Whether to test on every data set what was trained on any.
    """

    title: str = 'Benchmark'
    entries: tuple[Entry, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    protocols: tuple[str, ...] = ('canonical',)
    datasets: tuple[DataSet, ...] = ()
    cross: bool = False


_KEYS = {
    'a suite': {one.name for one in fields(Suite)},
    'an entry': {one.name for one in fields(Entry)} - {'checkpoints'} | {'checkpoint'},
    'a data set': {one.name for one in fields(DataSet)} - {'own'},
    'describe': {'provider', 'options'}}


def read_suite(path: str | Path) -> Suite:
    """Read a suite file, a Python config with the keys of :class:`Suite`; its paths are relative to the file.

    Raises:
        ConfigError: If it cannot be read, or holds a key that is not known or a value of another kind than expected;
            all of them are named.
    """
    path = Path(path)
    content = {key: value for key, value in load_config(str(path)).to_dict().items() if _is_data(value)}
    problems = _unknown(content, 'a suite') + wrong_values(content, 'a suite')
    entries, datasets = [], []
    for told in _dicts(content.get('entries', ()), 'entries', problems):
        found = _unknown(told, 'an entry') + (wrong_values(told, 'an entry') or _wrong_parts(told))
        problems += found
        if not found:
            entries.append(_entry(told, path.parent))
    for told in _dicts(content.get('datasets', ()), 'datasets', problems):
        found = _unknown(told, 'a data set') + wrong_values(told, 'a data set')
        if 'name' not in told or ('root' in told) == ('synthesize' in told):
            found.append(f'a data set needs a name and either root or synthesize: {told}')
        problems += found
        if not found:
            datasets.append(_data_set(told, path.parent))
    if problems:
        raise ConfigError(f'{path} is no suite: {"; ".join(problems)}.')
    rest = {key: tuple(content[key]) for key in ('seeds', 'protocols') if key in content}
    rest |= {key: content[key] for key in ('title', 'options', 'cross') if key in content}
    return Suite(entries=tuple(entries), datasets=tuple(datasets), **rest)


def _is_data(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list | tuple | dict)


def _dicts(values: Any, what: str, problems: list[str]) -> list[dict]:
    if isinstance(values, list | tuple) and all(isinstance(one, dict) for one in values):
        return list(values)
    problems.append(f'{what} is {values!r}; a list of dicts is expected')
    return []


def _unknown(told: Mapping, what: str) -> list[str]:
    wrong = sorted(set(told) - _KEYS[what])
    return [f'{what} has no {", ".join(wrong)}; there are {", ".join(sorted(_KEYS[what]))}'] if wrong else []


def _wrong_parts(told: Mapping) -> list[str]:
    problems = [] if 'config' in told else [f'an entry has no config: {told}']
    problems += [f'a test of tested needs folder and seed: {one}' for one in told.get('tested', ())
                 if set(one) != {'folder', 'seed'}]
    describe = told.get('describe') or {}
    return problems + _unknown(describe, 'describe') + wrong_values(describe, 'describe') + wrong_references(told)


def _entry(told: Mapping, folder: Path) -> Entry:
    config = folder / told['config']
    checkpoints = told.get('checkpoint') or ()
    checkpoints = [checkpoints] if isinstance(checkpoints, str) else checkpoints
    return Entry(config, told.get('name') or config.stem, told.get('group'), told.get('options') or {},
                 told.get('describe'), tuple(told.get('references') or ()),
                 tuple(_weights(folder / one) for one in checkpoints),
                 tuple(FinishedTest(folder / one['folder'], one['seed']) for one in told.get('tested') or ()))


def _weights(path: Path) -> Path:
    return find_checkpoint(path, 'best') if path.is_dir() else path


def _data_set(told: Mapping, folder: Path) -> DataSet:
    # A root from an environment variable is relative to where the command runs, as in every config.
    root = None if 'root' not in told else Path(told['root'])
    if root is not None and not root.is_dir() and (folder / root).is_dir():
        root = folder / root
    words = tuple(map(str, told['synthesize'])) if 'synthesize' in told else None
    return DataSet(told['name'], root, words, told.get('train'), told.get('test'), told.get('dataset'))


def add_configs(suite: Suite, configs: Iterable[str | Path]) -> Suite:
    """The suite with further entries, each called as its config."""
    added = tuple(Entry(Path(config), Path(config).stem) for config in configs)
    return replace(suite, entries=suite.entries + added)


def only_entries(suite: Suite, told: Sequence[str]) -> Suite:
    """The suite with some of its entries, in its order.

    Args:
        told: Names, or patterns of the shell; none for all entries.

    Raises:
        ConfigError: If one is of no entry.
    """
    found: set[str] = set()
    for one in told:
        names = {entry.name for entry in suite.entries if entry.name == one or fnmatchcase(entry.name, one)}
        if not names:
            known = ', '.join(entry.name for entry in suite.entries)
            raise ConfigError(f'--entries {one}: a name or pattern of an entry is expected, of {known}.')
        found |= names
    return replace(suite, entries=tuple(entry for entry in suite.entries if not told or entry.name in found))


def with_checkpoints(suite: Suite, told: Sequence[str]) -> Suite:
    """The suite with weights in place of trainings.

    Args:
        told: ``NAME=FILE``: name of an entry or path of its config. Several of one entry stand for several seeds. The
            folder of a training stands for its best checkpoint.

    Raises:
        ConfigError: If one has another form, or no entry is called so.
        CheckpointError: If a folder holds no best checkpoint.
    """
    found: dict[str, list[Path]] = {}
    for one in told:
        name, equals, file = one.partition('=')
        names = [entry.name for entry in suite.entries
                 if name == entry.name or Path(name).resolve() == entry.config.resolve()]
        if not (equals and file and names):
            known = ', '.join(entry.name for entry in suite.entries)
            raise ConfigError(f'--checkpoint {one}: NAME=FILE is expected, where NAME is a config or one of {known}.')
        for entry in names:
            found.setdefault(entry, []).append(_weights(Path(file)))
    return replace(suite, entries=tuple(
        replace(entry, checkpoints=tuple(found.get(entry.name, entry.checkpoints))) for entry in suite.entries))


def named_roots(told: Sequence[str]) -> tuple[DataSet, ...]:
    """The data sets of ``NAME=ROOT``, or ``NAME=ROOT@LISTS``, where LISTS is a folder of lists such as ``idx_320``.

    Raises:
        ConfigError: If one has another form.
        DataError: If there is no such folder.
    """
    found = []
    for one in told:
        name, equals, place = one.partition('=')
        if not (name and equals and place):
            raise ConfigError(f'--datasets {one}: NAME=ROOT is expected, such as NUAA-SIRST=data/NUAA-SIRST.')
        root, at, lists = place.rpartition('@')
        if Path(place).is_dir() or not at:
            root, lists = place, ''
        if not Path(root).expanduser().is_dir():
            raise DataError(f'--datasets {one}: no folder {root}. Give the folder of a data set.')
        train, test = (f'{lists}/trainval', f'{lists}/test') if lists else (None, None)
        found.append(DataSet(name, Path(root).expanduser(), None, train, test))
    return tuple(found)
