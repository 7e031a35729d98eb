"""What to train in slots: a plan file, read and checked where it is packed."""

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import check_kinds
from irstd_toolbox.training.config_edits import load_config

__all__ = ['SOURCE', 'Plan', 'Run', 'is_name', 'read_plan']

SOURCE = ('irstd_toolbox', 'tools', 'configs', 'plugins')
"""What of the source's folder goes along."""
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')


def is_name(name: Any) -> bool:
    """Whether something can name a run or a folder: letters, digits, ``.``, ``_`` and ``-``, the first no sign."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


@dataclass(frozen=True)
class Run:
    """One training and its test.

    Args:
        name: Of its folder; letters, digits, ``.``, ``_``, ``-``.
        config: Path of the config, below the source's folder.
        epochs: How many it trains.
        seed: Its seed.
        options: ``KEY=VALUE`` over the config, for training and test.
        train: Further arguments of ``tools/train.py``, such as ``['--amp', 'bf16']``.
        test: Further arguments of ``tools/test.py``, such as ``['--protocol', 'canonical']``.
        checkpoint: Which of its checkpoints is tested, ``'best'`` or ``'last'``.
        minutes: How long it trains in a slot at most, where another waits for its place; None as long as there is time.
        start: Path, below the source's folder, of the weights that it begins with and that go along; None if it needs
            none, or a variable of the environment leads to them there.
    """

    name: str
    config: str
    epochs: int
    seed: int = 0
    options: tuple[str, ...] = ()
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    checkpoint: str = 'best'
    minutes: float | None = None
    start: str | None = None

    @property
    def annealed(self) -> bool:
        """Whether its schedules end with its time, and with them its training."""
        return '--anneal' in self.train


@dataclass(frozen=True)
class Plan:
    """Every training of a plan, and what they need beside the source.

    Args:
        runs: The trainings, the most urgent first.
        data: Data sets: name below the slot's ``data/`` (which is ``IRSTD_DATA_ROOT`` there) to folder here.
        files: Other files and folders: name below the slot's ``files/`` to path here.
        environment: Variables of the trainings; ``{home}`` stands for the slot's folder.
        keep: Names below the slot's ``keep/`` of folders that come back and go along with the next slot, such as one
            where a compiler puts what it has made.
    """

    runs: tuple[Run, ...]
    data: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain containers, without the paths of this machine."""
        return dict(runs=[asdict(run) for run in self.runs], data=sorted(self.data), files=sorted(self.files),
                    environment=self.environment, keep=list(self.keep))

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> 'Plan':
        """What :meth:`to_json` gave, with no paths.

        Raises:
            ConfigError: If a value of a run is of another kind.
            KeyError, TypeError, AttributeError: If it is not of that form.
        """
        for run in content['runs']:
            check_kinds(Run, run)
        runs = [Run(**{key: tuple(value) if isinstance(value, list) else value for key, value in run.items()})
                for run in content['runs']]
        return cls(tuple(runs), dict.fromkeys(content['data'], ''), dict.fromkeys(content['files'], ''),
                   dict(content['environment']), tuple(content['keep']))


def read_plan(path: str | Path, source: Path) -> Plan:
    """Read a plan file: a Python config with ``runs``, and ``data``, ``files``, ``environment``, ``keep`` where needed.

    Args:
        path: The file. Paths of configs in it are relative to ``source``.
        source: The folder of the source.

    Raises:
        ConfigError: If the plan or one of its configs is not as it has to be.
    """
    content = load_config(str(path))
    unknown = sorted(set(content) - {'runs', 'data', 'files', 'environment', 'keep'})
    if unknown or not content.get('runs'):
        raise ConfigError(f'{path} holds {", ".join(unknown) or "no runs"}; expected are runs, and data, files, '
                          'environment and keep where needed. Delete what helps to write them: del NAME.')
    runs = tuple(_run(entry, source, path, bool(content.get('environment'))) for entry in content.runs)
    names = [run.name for run in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f'{path}: {len(twice)} names stand for two runs, such as {twice[0]}. Give each its own.')
    for key in ('data', 'files', 'environment'):
        if not isinstance(content.get(key) or {}, dict):
            raise ConfigError(f'{path}: {key}={content[key]!r}; a dict is expected.')
    plan = Plan(runs, *(dict(content.get(key) or {}) for key in ('data', 'files', 'environment')),
                keep=_texts(content, 'keep', path))
    for name in (*plan.data, *plan.files, *plan.keep):
        if not is_name(name):
            raise ConfigError(f'{path}: {name!r} cannot name a folder; letters, digits, ".", "_" and "-" are taken.')
    for name, place in (*plan.data.items(), *plan.files.items()):
        if not isinstance(place, str | Path) or not Path(place).expanduser().exists():
            raise ConfigError(f'{path}: {name} is to come from {place}, which does not exist.')
    return plan


def _run(entry: Any, source: Path, path: str | Path, led: bool) -> Run:
    allowed = ('name', 'config', 'seed', 'options', 'train', 'test', 'checkpoint', 'minutes')
    unknown = sorted(set(entry) - set(allowed)) if isinstance(entry, dict) else [repr(entry)]
    if unknown or 'config' not in entry:
        raise ConfigError(f'{path}: a run holds {", ".join(unknown) or "no config"}; expected is a dict with config '
                          f'and, where needed, {", ".join(key for key in allowed if key != "config")}.')
    seed, options = entry.get('seed', 0), _texts(entry, 'options', path)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2 ** 32:
        raise ConfigError(f'{path}: {entry["config"]} has seed={seed!r}; a whole number from 0 to {2 ** 32 - 1} is '
                          'expected.')
    name = entry.get('name') or f'{Path(entry["config"]).stem}_{seed}'
    if not is_name(name):
        raise ConfigError(f'{path}: {name!r} cannot name a run; letters, digits, ".", "_" and "-" are taken.')
    if entry.get('checkpoint', 'best') not in ('best', 'last'):
        raise ConfigError(f'{path}: {name} is to be tested with {entry["checkpoint"]!r}; best or last is expected.')
    minutes = entry.get('minutes')
    if minutes is not None and (isinstance(minutes, bool) or not isinstance(minutes, int | float) or not minutes > 0):
        raise ConfigError(f'{path}: {name} is to train for minutes={minutes!r}; a number above 0 is expected.')
    place = (source / entry['config']).resolve()
    if not _goes_along(place, source):
        raise ConfigError(f'{path}: {entry["config"]} lies outside {source / "configs"}, and of {source} only '
                          f'{", ".join(SOURCE)} go along. Move it there.')
    config = load_config(str(place), options)
    epochs = (config.get('train_cfg') or {}).get('max_epochs')
    if not epochs:
        raise ConfigError(f'{path}: {entry["config"]} does not train by epochs (train_cfg.max_epochs), and a slot ends '
                          'trainings after whole epochs.')
    chosen = ((config.get('default_hooks') or {}).get('checkpoint') or {}).get('save_best')
    if entry.get('checkpoint', 'best') == 'best' and isinstance(chosen, list | tuple) and len(chosen) > 1:
        raise ConfigError(f'{path}: {name} is to be tested with its best checkpoint, and there will be one each by '
                          f'{", ".join(chosen)}. Give the run checkpoint=\'last\', or one figure as the option '
                          'default_hooks.checkpoint.save_best.')
    own = place.relative_to(source.resolve()).as_posix()
    return Run(name, own, int(epochs), seed, options, _texts(entry, 'train', path), _texts(entry, 'test', path),
               entry.get('checkpoint', 'best'), minutes,
               _start(config.get('load_from'), source, f'{path}: {entry["config"]}', led))


def _start(weights: str | None, source: Path, who: str, led: bool) -> str | None:
    """The path of the weights that a run begins with; None if it begins with none, or a variable leads to them."""
    place = (source / (weights or '')).resolve()
    if weights and _goes_along(place, source) and place.is_file():
        return place.relative_to(source.resolve()).as_posix()
    if weights and not led:
        raise ConfigError(f'{who} begins with load_from={weights}, which '
                          f'{"does not go along" if place.is_file() else "is not there"}. Publish it into '
                          f'{source / "configs"} (tools/publish.py), or carry it by files, and lead there by a '
                          'variable of environment.')
    return None


def _goes_along(place: Path, source: Path) -> bool:
    return any(place.is_relative_to((source / folder).resolve()) for folder in SOURCE)


def _texts(entry: Any, key: str, path: str | Path) -> tuple[str, ...]:
    """The texts of a list in a plan; one text alone would be taken letter by letter."""
    found = entry.get(key) or ()
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        raise ConfigError(f'{path}: {key}={found!r}; a list of texts is expected, an argument each.')
    return tuple(found)
