"""What is wrong with a benchmark, all of it, before the first step starts."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..datasets.layouts import LAYOUT_FILE, detect
from ..errors import ConfigError, UserError
from ..evaluation.protocols import get
from ..registry import TEXT_PRIOR_PROVIDERS, known
from ..training.checkpoint import file_sha256, read_checkpoint
from .configs import data_of, is_trained, resolve
from .planning import Choices
from .suite import Entry, Suite, slug

__all__ = ['check']


def check(suite: Suite, choices: Choices, train: bool) -> None:
    """Refuse a benchmark that cannot be carried out.

    Args:
        suite: What is asked for.
        choices: What the command line says beside.
        train: Whether trainings were asked for.

    Raises:
        ConfigError: If anything is wrong; the one message says all of it.
    """
    problems = list(dict.fromkeys(_problems(suite, choices, train)))
    if len(problems) == 1:
        raise ConfigError(problems[0])
    if problems:
        told = ' '.join(f'({number}) {problem}' for number, problem in enumerate(problems, 1))
        raise ConfigError(f'{len(problems)} things are wrong, and nothing was started. {told}')


def _problems(suite: Suite, choices: Choices, train: bool) -> Iterator[str]:
    if not suite.entries:
        yield 'There is no entry: give configs, or a --suite whose entries are not empty.'
    yield from _twice([entry.name for entry in suite.entries], 'entries', "Give them different names (name='...')")
    yield from _twice([one.name for one in suite.datasets], 'data sets', 'Give them different names')
    for name in suite.protocols:
        try:
            get(name)
        except ConfigError as error:
            yield str(error)
    if len(set(suite.protocols)) < len(suite.protocols):
        yield f'--protocol {" ".join(suite.protocols)}: each protocol once is expected.'
    if not suite.protocols:
        yield 'There is no protocol; name one, such as canonical.'
    if suite.cross and len(suite.datasets) < 2:
        yield (f'--cross needs two or more data sets; there are {len(suite.datasets)}. Give --datasets NAME=ROOT '
               'NAME=ROOT.')
    wrong = [seed for seed in suite.seeds if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0]
    if wrong or not suite.seeds or len(set(suite.seeds)) < len(suite.seeds):
        yield f'--seeds {list(suite.seeds)}: different whole numbers from 0 are expected.'
    if choices.repeats < 0 or choices.size < 16:
        yield f'--repeats {choices.repeats} --size {choices.size}: at least 0 and 16 are expected.'
    if choices.out.exists() and not choices.out.is_dir():
        yield f'--out {choices.out} is a file; a folder is expected.'
    for one in suite.datasets:
        if one.root is not None:
            yield from _found(str(one.root), one.dataset, 'auto', [one.train, one.test])
    for entry in suite.entries:
        yield from _entry(suite, choices, entry, train)


def _twice(names: list[str], what: str, advice: str) -> Iterator[str]:
    for name, count in Counter(map(slug, names)).items():
        if count > 1:
            yield f'{count} {what} are called {name!r}. {advice}.'


def _found(root: str, name: str | None, layout: str | Mapping, splits: list[str | None]) -> Iterator[str]:
    try:
        found = detect(root, name, layout)
        for split in filter(None, splits):
            found.resolve(split)
    except UserError as error:
        yield str(error)


def _entry(suite: Suite, choices: Choices, entry: Entry, train: bool) -> Iterator[str]:
    try:
        config = resolve(entry, suite.options, choices.options)
    except UserError as error:
        yield f'{entry.name}: {error}'
        return
    trained = is_trained(config)
    yield from _lists(suite, entry, config, trained)
    if entry.describe is not None:
        provider = entry.describe.get('provider')
        if provider not in known(TEXT_PRIOR_PROVIDERS):
            yield (f'{entry.name}: describe asks provider {provider!r}, which is not known. Known: '
                   f'{", ".join(known(TEXT_PRIOR_PROVIDERS))}.')
        read = [] if suite.datasets else [*data_of(config, 'train_dataloader'), *data_of(config, 'test_dataloader')]
        if any(isinstance(one.get('layout'), Mapping) for one in read):
            yield (f'{entry.name}: its images are to be described, and the config alone tells their folders. Write '
                   f'that layout to {LAYOUT_FILE} in the data set, where it is found without the config.')
    seen: dict[str, Path] = {}
    for path in entry.checkpoints:
        if not trained:
            yield f'{entry.name}: it has no weights, and a checkpoint is given ({path}).'
            continue
        try:
            read_checkpoint(path)
        except UserError as error:
            yield f'{entry.name}: {error}'
            continue
        digest = file_sha256(path)
        if digest in seen:
            yield (f'{entry.name}: {path} and {seen[digest]} are one checkpoint, which would count as two seeds. '
                   'Give it once.')
        seen[digest] = path
    yield from _given(suite, entry, trained)
    if trained and not entry.checkpoints and not entry.tested and not train:
        yield (f'{entry.name} has to be trained: give --train, or its weights by --checkpoint {entry.name}=FILE '
               '(once a seed).')


def _given(suite: Suite, entry: Entry, trained: bool) -> Iterator[str]:
    if entry.tested and (entry.checkpoints or suite.datasets or not trained):
        yield (f'{entry.name}: tests that were made elsewhere stand alone, for a method with weights, on the data set '
               'of its config: give no checkpoint and no --datasets.')
    for one in entry.tested:
        if not isinstance(one.seed, int) or isinstance(one.seed, bool) or one.seed < 0:
            yield f'{entry.name}: the seed of {one.folder} is {one.seed!r}; a whole number from 0 is expected.'
        lacking = [name for name in ('results.json', 'predictions') if not (one.folder / name).exists()]
        if lacking:
            yield (f'{entry.name}: {one.folder} has no {" and no ".join(lacking)}; a folder that tools/test.py wrote '
                   'is expected.')
        elif not _is_result(one.folder / 'results.json'):
            yield f'{entry.name}: {one.folder}/results.json is not what tools/test.py writes. Bring it anew.'
    if len({one.seed for one in entry.tested}) < len(entry.tested):
        yield f'{entry.name}: two of its tests have one seed. Give each its own.'


def _is_result(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and isinstance(content.get('fingerprint'), dict)


def _lists(suite: Suite, entry: Entry, config: Config, trained: bool) -> Iterator[str]:
    """Whether the config reads what it will be asked to, from its own data set if no other is named."""
    needed = ['test_dataloader', *(['train_dataloader'] if trained else [])]
    for loader in needed:
        data: list[Any] = data_of(config, loader)
        if not data:
            yield f'{entry.name}: {loader} names no data_root.'
        elif not suite.datasets and (loader == 'test_dataloader' or not (entry.checkpoints or entry.tested)):
            for one in data:
                yield from _found(str(one.data_root), one.get('name'), one.get('layout') or 'auto', [one.get('split')])
    if trained and suite.datasets and not (entry.checkpoints or entry.tested):
        trains, tests = ({str(one.data_root) for one in data_of(config, loader)} for loader in sorted(needed)[::-1])
        if trains != tests:  # such as point labels made from one data set
            yield (f'{entry.name}: it trains on {", ".join(sorted(trains))}, not on what it is tested on, and what it '
                   'would train on of another data set is not known. Benchmark it without --datasets.')
    if not config.get('test_evaluator'):
        yield f'{entry.name}: the config has no test_evaluator.'

