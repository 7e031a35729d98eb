"""From a suite to its steps: which entry is trained on what with which seed, and tested on what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .configs import bind, data_of, is_trained, own_data_sets, resolve, tested_list, text_at_test, uses_text
from .jobs import Job, key_of
from .leaks import lists_of
from .steps import Compare, Cost, Describe, Given, Rescore, Synthesize, Test, Train, Weights
from .suite import DataSet, Entry, FinishedTest, Suite, slug

__all__ = ['Choices', 'Plan', 'Row', 'make_plan', 'pairs']


@dataclass(frozen=True)
class Choices:
    """What the command line says beside the suite.

    Args:
        out: The benchmark's folder.
        options: ``KEY=VALUE`` for every entry that is trained.
        on_test: Whether trainings choose on the test list.
        processes: Of one training.
        size: Side of the image of latency and memory.
        repeats: Timed forward passes; 0 leaves cost out.
    """

    out: Path
    options: tuple[str, ...] = ()
    on_test: bool = False
    processes: int = 1
    size: int = 256
    repeats: int = 20


@dataclass(eq=False)
class Row:
    """What becomes a row under every protocol.

    Args:
        entry: The method.
        config: Its config, bound.
        trained: None for a method without training.
        tested: The data set.
        tests: One a seed.
        seeds: Likewise.
        leaks: None where nothing was trained, or what was trained on is not there.
        cost: None if it is left out.
        rescored: Scored again without leaked images: by what was compared, one a seed.
    """

    entry: Entry
    config: Config
    trained: DataSet | None
    tested: DataSet
    tests: list[Test | Given]
    seeds: list[int | None]
    leaks: Compare | None = None
    cost: Cost | None = None
    rescored: dict[Compare, list[Rescore]] = field(default_factory=dict)


@dataclass(eq=False)
class Plan:
    """All steps, in the order in which they start, and the rows that they make."""

    suite: Suite
    choices: Choices
    jobs: list[Job] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def pairs(datasets: Sequence[DataSet], cross: bool) -> list[tuple[DataSet, DataSet]]:
    """What is trained on and tested on: every data set with itself, or with all.

    Example:
        >>> a, b = DataSet('A'), DataSet('B')
        >>> [(one.name, other.name) for one, other in pairs([a, b], True)]
        [('A', 'A'), ('A', 'B'), ('B', 'A'), ('B', 'B')]
    """
    return [(one, other) for one in datasets for other in datasets if cross or one is other]


def make_plan(suite: Suite, choices: Choices) -> Plan:
    """The steps of a suite that was found to be right."""
    return _Planner(suite, choices).plan


class _Planner:

    def __init__(self, suite: Suite, choices: Choices) -> None:
        self.plan = Plan(suite, choices)
        self.out = choices.out.resolve()
        self.made: dict[Any, Job] = {}
        self.datasets = tuple(self._placed(one) for one in suite.datasets)
        for entry in suite.entries:
            self._add(entry)
        self._share_lists()

    def _job(self, key: Any, make: Any) -> Job:
        """The job of that key, made once."""
        if key not in self.made:
            self.made[key] = make()
            if not isinstance(self.made[key], Weights):
                self.plan.jobs.append(self.made[key])
        return self.made[key]

    def _placed(self, dataset: DataSet) -> DataSet:
        """The data set with the folder where it will be made."""
        if dataset.synthesize is None:
            return dataset
        name = slug(dataset.name)
        return replace(dataset, root=self.out / 'data' / name / name)

    def _source(self, dataset: DataSet) -> list[Job]:
        if dataset.synthesize is None:
            return []
        folder = self.out / 'data' / slug(dataset.name)
        return [self._job(('data', dataset.name), lambda: Synthesize(
            f'make {dataset.name}', folder, dataset.root, dataset.synthesize))]

    def _add(self, entry: Entry) -> None:
        config = resolve(entry, self.plan.suite.options, self.plan.choices.options)
        trained = is_trained(config)
        own = own_data_sets(config)
        if not trained:
            matrix = [(None, one) for one in self.datasets or own[1:]]
        elif entry.tested:
            matrix = [own]
        elif entry.checkpoints:  # trained on what the config says, whatever they are tested on
            matrix = [(own[0], one) for one in self.datasets or own[1:]]
        elif self.datasets:
            matrix = pairs(self.datasets, self.plan.suite.cross)
        else:
            matrix = [own]
        folder = self.out / 'runs' / slug(entry.name)
        cost = None
        if self.plan.choices.repeats:
            cost = self._job(('cost', entry.name), lambda: Cost(
                f'measure {entry.name}', folder / 'cost', config, self.plan.choices.size, self.plan.choices.repeats))
        for source, target in matrix:
            self._add_pair(entry, config, source, target, cost)

    def _add_pair(self, entry: Entry, config: Config, source: DataSet | None, target: DataSet,
                  cost: Job | None) -> None:
        described = self._places(entry, config, [one for one in (source, target) if one])
        bound = bind(config, source, target, described)
        before = [] if source is None else self._source(source)
        if source and source.name in described:
            before = before + [self._describe(entry, source, bound, 'train_dataloader', described, before)]
        ready = self._source(target)
        if target.name in described and text_at_test(config):
            ready = ready + [self._describe(entry, target, bound, 'test_dataloader', described, ready + before)]
        if entry.tested:
            tests = [self._given(entry, bound, one, target, ready) for one in entry.tested]
            seeds = [one.seed for one in entry.tested]
        else:
            weights = self._weights(entry, bound, source, before)
            tests = [self._test(entry, bound, one, source, target, ready) for one in weights]
            seeds = [None if one is None else one.seed for one in weights]
        row = Row(entry, bound, source, target, tests, seeds, cost=cost)
        if source is not None and (source.synthesize or source.root.is_dir()):
            tested = tested_list(bound)
            chosen = data_of(bound, 'val_dataloader')
            if lists_of(chosen) == lists_of(data_of(bound, 'test_dataloader')):  # which is said of the checkpoint
                chosen = []
            lists = lists_of(data_of(bound, 'train_dataloader') + chosen)
            name = f'{slug(source.name)}--{slug(target.name)}-{key_of([lists, tested])[:8]}'
            row.leaks = self._job(('leaks', name), lambda: Compare(
                f'look for test images of {target.name} in what is trained on of {source.name}',
                self.out / 'leaks' / name, [*self._source(source), *self._source(target)], lists, tested))
        self.plan.rows.append(row)

    def _weights(self, entry: Entry, bound: Config, source: DataSet | None,
                 before: Sequence[Job]) -> list[Train | Weights | None]:
        if source is None:
            return [None]
        if entry.checkpoints:
            return [self._job(('weights', path), lambda path=path: Weights(f'{path}', path))
                    for path in entry.checkpoints]
        choices, found = self.plan.choices, []
        for seed in self.plan.suite.seeds:
            folder = self.out / 'runs' / slug(entry.name) / slug(source.name) / f'seed_{seed}' / 'train'
            found.append(self._job(('train', folder), lambda seed=seed, folder=folder: Train(
                f'train {entry.name} on {source.name}, seed {seed}', folder, before, bound, seed, choices.processes,
                choices.on_test)))
        return found

    def _test(self, entry: Entry, bound: Config, weights: Train | Weights | None, source: DataSet | None,
              target: DataSet, ready: Sequence[Job]) -> Test:
        place = self.out / 'runs' / slug(entry.name)
        told = ''
        if isinstance(weights, Train):
            place, told = weights.folder.parent, f' trained on {source.name}, seed {weights.seed},'
        elif weights is not None:
            number = entry.checkpoints.index(weights.checkpoint)
            place, told = place / f'checkpoint_{number}', f' with {weights.checkpoint}'
        folder = place / 'test' / slug(target.name)
        return self._job(('test', folder), lambda: Test(
            f'test {entry.name}{told} on {target.name}', folder, ready, bound, weights, self.plan.suite.protocols))

    def _given(self, entry: Entry, bound: Config, tested: FinishedTest, target: DataSet, ready: Sequence[Job]) -> Given:
        folder = self.out / 'runs' / slug(entry.name) / f'seed_{tested.seed}' / 'test' / slug(target.name)
        return self._job(('given', folder), lambda: Given(
            f'score {tested.folder} on {target.name}', folder, ready, bound, tested.folder,
            self.plan.suite.protocols))

    def _places(self, entry: Entry, config: Config, datasets: Sequence[DataSet]) -> dict[str, Path]:
        """The folders of descriptions, where the entry asks for some."""
        if not entry.describe or not uses_text(config):
            return {}
        folder = f'{slug(entry.describe["provider"])}-{key_of(_words(entry.describe))[:8]}'
        return {one.name: self.out / 'descriptions' / slug(one.name) / folder / 'texts' for one in datasets}

    def _describe(self, entry: Entry, dataset: DataSet, bound: Config, loader: str, places: Mapping[str, Path],
                  after: Sequence[Job]) -> Job:
        place = places[dataset.name]
        part = loader.partition('_')[0]
        split = lists_of(data_of(bound, loader))[0]['split']
        folder = place.parent / f'{part}-{slug(split)}'
        return self._job(('describe', folder), lambda: Describe(
            f'describe {dataset.name} ({split}) by {entry.describe["provider"]}', folder, after, bound, loader, place,
            _words(entry.describe)))

    def _share_lists(self) -> None:
        """Every row of a tested data set is scored on every list without leaked images that the set has."""
        for row in self.plan.rows:
            found = {}
            for other in self.plan.rows:
                if other.leaks and (row.trained is None or row.leaks is other.leaks) \
                        and other.leaks.tested == tested_list(row.config):
                    found[other.leaks] = None
            for leaks in found:
                row.rescored[leaks] = [self._job(('rescore', test, leaks), lambda test=test, leaks=leaks: Rescore(
                    f'score again without leaked images: {test.title}',
                    test.folder.with_name(f'{test.folder.name}--{leaks.folder.name}'), test, leaks))
                    for test in row.tests]


def _words(describe: Mapping[str, Any]) -> list[str]:
    return ['--provider', str(describe['provider']), *map(str, describe.get('options') or ())]
