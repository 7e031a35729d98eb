"""From finished steps to ``benchmark.json``."""

import datetime
import functools
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from .. import __version__
from ..datasets.layouts import detect
from ..evaluation.files import write_atomically
from ..evaluation.protocols import get
from ..evaluation.units import scale_of
from ..training.stamp import git_commit, lists_told
from .configs import data_of, name_of, plain, tested_list, text_at_test
from .planning import Plan, Row
from .steps import Given, Rescore, Test, Train

__all__ = ['FILE', 'collect', 'fraction', 'machine', 'write_benchmark']

FILE, FORMAT = 'benchmark.json', 1
_ABOUT = ('source', 'protocol', 'dataset')


def write_benchmark(plan: Plan, command: Sequence[str]) -> dict[str, Any]:
    """Write ``benchmark.json`` into the benchmark's folder, and give its content.

    Args:
        plan: Its jobs are done or failed.
        command: The words after ``python``.
    """
    content = dict(
        format=FORMAT, title=plan.suite.title, command=list(command), version=__version__, commit=git_commit(),
        date=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'), machine=machine(),
        rows=collect(plan), references=list(_references(plan)))
    text = json.dumps(content, indent=1, allow_nan=False) + '\n'
    write_atomically(plan.choices.out / FILE, text.encode())
    return content


def machine() -> dict[str, Any]:
    """Processor, cores, GPU and torch of this machine."""
    cpu = platform.processor() or platform.machine()
    info = Path('/proc/cpuinfo')
    if info.is_file():
        names = [line.partition(':')[2].strip() for line in info.read_text().splitlines()
                 if line.startswith('model name')]
        cpu = names[0] if names else cpu
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return dict(cpu=cpu, cores=os.cpu_count() or 1, gpu=gpu, torch=torch.__version__)


def collect(plan: Plan) -> list[dict[str, Any]]:
    """The rows: of every entry, pair of data sets and protocol; a second one without leaked images where there are any.

    Seeds that failed stand in a row of their own, so that the others keep theirs.
    """
    rows = []
    for row in plan.rows:
        told = 'shortened' if 'indices' in tested_list(row.config) else 'official'
        for protocol in plan.suite.protocols:
            rows += _of_tests(plan, row, protocol, row.tests, told, _leaked(row))
            seen = set()
            for leaks, jobs in row.rescored.items():
                names = tuple(leaks.outcome.get('leaked', ()))
                if not names or names in seen or len(names) == leaks.outcome['images']:
                    continue
                seen.add(names)
                rows += _of_tests(plan, row, protocol, jobs, 'without leakage', 0)
    return rows


def _leaked(row: Row) -> int | None:
    """None if it was not, or could not be, looked for."""
    if row.trained is None:
        return 0
    return len(row.leaks.outcome['leaked']) if row.leaks is not None and row.leaks.state == 'done' else None


def _of_tests(plan: Plan, row: Row, protocol: str, jobs: Sequence[Test | Given | Rescore], told: str,
              leaked: int | None) -> Iterator[dict[str, Any]]:
    runs = list(zip(row.seeds, jobs, row.tests, strict=True))
    for state in ('done', 'failed'):
        chosen = [run for run in runs if run[1].state == state]
        if chosen:
            yield _row(plan, row, protocol, chosen, told, leaked)


def _row(plan: Plan, row: Row, protocol: str,
         runs: Sequence[tuple[int | None, Test | Given | Rescore, Test | Given]], told: str,
         leaked: int | None) -> dict[str, Any]:
    seeds, jobs, tests = zip(*runs, strict=True)
    config, cost = row.config, row.cost
    data = data_of(config, 'test_dataloader')[0]
    about = dict(
        name=row.entry.name, group=row.entry.group, config=_shown(row.entry.config),
        trained_on=row.trained and row.trained.name, tested_on=row.tested.name, split=data.get('split') or 'trainval',
        list=told, leaked=leaked, protocol=protocol, protocol_sha256=get(protocol).fingerprint(), ids_sha256=None,
        images=None, targets=None, reports=list(get(protocol).reports), seeds=list(seeds), values={}, selection=None,
        trained_before=None, text_at_test=text_at_test(config), oracle_threshold=False, threshold=None, iterations=None,
        cost=cost.outcome if cost and cost.state == 'done' else None, folders=[], data_root=str(data.data_root),
        layout=plain(data.get('layout')), failed=None)
    if jobs[0].state == 'failed':
        return dict(about, failed=jobs[0].error)
    results = [json.loads((job.folder / 'results.json').read_text(encoding='utf-8')) for job in jobs]
    print_, rules = results[0]['fingerprint'], [one.get('threshold') for one in results]
    if elsewhere := _trained_elsewhere(results, tests, config):
        about.update(trained_on=elsewhere, leaked=None)
    trained = tests[0].trained
    metrics = [one['protocols'][protocol] for one in results]
    if row.tested.dataset:  # the reports know the data set by its name here, which does not tell it from its neighbours
        about['data_root'] = _folder_among(row.tested.root, row.tested.dataset)
    return dict(
        about, ids_sha256=print_['ids_sha256'], images=print_['images'],
        targets=print_['targets'], values={name: [one.get(name) for one in metrics] for name in metrics[0]},
        selection=_selection(results, tests), trained_before=_trained_before(results, config),
        oracle_threshold=any(rule and rule.get('oracle') for rule in rules),
        threshold=rules[0] if rules.count(rules[0]) == len(rules) else dict(by_seed=rules),
        iterations=trained.outcome.get('iterations') if trained else None,
        folders=[job.folder.relative_to(plan.choices.out.resolve()).as_posix() for job in jobs])


@functools.cache
def _folder_among(root: Path, dataset: str) -> str:
    """The folder of one data set of several."""
    return str(detect(root, dataset).root)


def _selection(results: Sequence[Mapping], tests: Sequence[Test | Given]) -> str:
    """The list that the checkpoint was chosen on; the one of most concern if the seeds differ."""
    found = set()
    for one, test in zip(results, tests, strict=True):
        stamp = ((one.get('checkpoint') or {}).get('selection') or {}).get('on')
        last = isinstance(test.trained, Train) and not test.trained.outcome['chosen']
        found.add('none' if test.trained is None or last else stamp or 'not known')
    concern = {'test': 0, 'not known': 1, 'holdout': 3, 'none': 4}  # 2: another list
    return min(found, key=lambda one: (concern.get(one, 2), one))


def _trained_elsewhere(results: Sequence[Mapping], tests: Sequence[Test | Given], config: Config) -> str | None:
    """The data sets that given weights say they were trained on; None if these are the config's, or they do not say."""
    found = {data['dataset'] for one, test in zip(results, tests, strict=True) if not isinstance(test.trained, Train)
             for data in (one.get('checkpoint') or {}).get('trained_on', ())}
    own = {name_of(data) for data in data_of(config, 'train_dataloader')}
    return ', '.join(sorted(found)) if found != own else None


def _trained_before(results: Sequence[Mapping], config: Config) -> str | None:
    """What the weights that the training began with had been trained on; None if it began with none, or on its own."""
    start = config.get('load_from')
    unknown = [dict(weights=Path(start).name)] if start else []
    found = {lists_told(one['checkpoint'].get('trained_before', unknown)) for one in results if one.get('checkpoint')}
    return '; '.join(sorted(found - {''})) or None


def _shown(path: Path) -> str:
    """A path below the working directory without what comes before that."""
    path = path.resolve()
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)


def _references(plan: Plan) -> Iterator[dict[str, Any]]:
    for entry in plan.suite.entries:
        for told in entry.references:
            values = {name: fraction(name, value) for name, value in told.items() if name not in _ABOUT}
            yield dict(name=entry.name, source=told['source'], protocol=told.get('protocol', 'not stated'),
                       dataset=told['dataset'], values=values)


def fraction(name: str, value: float) -> float:
    """A published figure in the unit in which its metric is shown (:func:`.units.unit_of`), as a fraction.

    Example:
        >>> fraction('IoU', 73.3), fraction('Fa', 4.09), fraction('false_alarm_regions_per_image', 0.5)
        (0.733, 4.09e-06, 0.5)
    """
    return float(Decimal(repr(value)) / int(scale_of(name)))
