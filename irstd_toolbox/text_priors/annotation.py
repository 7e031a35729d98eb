"""Write a folder of descriptions: what is to be done, doing it so that it can be resumed, and the record of it."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from irstd_toolbox import __version__
from irstd_toolbox.errors import ConfigError, DataError, UserError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.provider import TextPriorProvider
from irstd_toolbox.text_priors.scene import Scene
from irstd_toolbox.text_priors.vlm.audit import AuditLog
from irstd_toolbox.text_priors.vlm.session import hold, open_desk

__all__ = [
    'Job', 'Outcome', 'annotate', 'holds_others', 'now', 'plan', 'recorded_runs', 'refuse_leakage', 'settle',
    'write_runs']

_logger = logging.getLogger('irstd_toolbox')


@dataclass(frozen=True)
class Job:
    """What one call is going to do.

    Args:
        folder: Where the descriptions go.
        todo: Ids to describe, in order.
        kept: Ids whose description exists and stays.
        suffix: File name of a new description after its id.
        overwrite: Whether existing descriptions are written anew.
    """

    folder: Path
    todo: tuple[str, ...]
    kept: tuple[str, ...]
    suffix: str
    overwrite: bool


@dataclass
class Outcome:
    """What became of a :class:`Job`: ids written, and why others were not."""

    written: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def plan(ids: Iterable[str], folder: Path, suffix: str = store.SUFFIXES[0], overwrite: bool = False) -> Job:
    """Say which of ``ids``, each once, need a description: those without a file, or all of them.

    An interrupted run is resumed by planning anew, since a file is there whole or not at all.

    Raises:
        DataError: If an id has two descriptions, or is not one.
        ConfigError: If ``suffix`` is none of the store's.
    """
    store.check_suffix(suffix)
    there = [(image_id, store.find_description(folder, image_id) is not None)
             for image_id in dict.fromkeys(ids)]
    todo, kept = (tuple(image_id for image_id, found in there if (found and not overwrite) == stays)
                  for stays in (False, True))
    return Job(Path(folder), todo, kept, suffix, overwrite)


def refuse_leakage(provider: TextPriorProvider, name: str, test_ids: Iterable[str], total: int) -> None:
    """Stop a provider that reads the mask from describing test images.

    Raises:
        ConfigError: If the provider uses the ground truth and there are any test ids.
    """
    test_ids = list(test_ids)
    if provider.uses_ground_truth and test_ids:
        raise ConfigError(
            f'provider {name!r} reads the ground truth, and {len(test_ids)} of these {total} images are test images '
            f'(the first: {test_ids[0]}). A sentence from the mask tells the answer, and results with it are no '
            'results. Choose --split trainval, or a provider that looks at the image alone; or give '
            '--allow-ground-truth-on-test, and the record will call it leakage.')


def annotate(
        job: Job, provider: TextPriorProvider, load: Callable[[str, bool], Scene], record: Mapping[str, Any],
        advance: Callable[[str], None] = lambda image_id: None) -> Outcome:
    """Describe every image of ``job`` and keep the record beside the descriptions.

    An image that cannot be read or described is reported in the outcome and does not stop the others. The record is
    written before the first description and after the last; if the process dies in between, it shows a run
    without an end, and the next run counts what it wrote from the audit log.

    Args:
        load: Gives the scene of an id; its second argument says whether to load the mask. A provider that says it
            does not use the ground truth is not given any.
        record: What the record shall say besides counts and dates: provider, options, split, leakage.
        advance: Called after each image.

    Raises:
        ConfigError: If another process annotates the same data set: of two records, the later would be all.
        DataError: If an existing record is damaged.
    """
    run = dict(record) | {
        'uses_ground_truth': provider.uses_ground_truth if provider.origin_known else None,
        'toolbox_version': __version__, 'started': now(), 'finished': None}
    outcome, name = Outcome(), str(record.get('provider', type(provider).__name__))
    with hold(job.folder):
        desk = open_desk(job.folder, job.suffix)
        settle(job.folder, desk.audit)
        run['run'] = desk.audit.run
        runs = _earlier_runs(job)
        _write_record(job, runs, run, outcome)
        run['stopped'] = 'interrupted'
        try:
            for image_id in job.todo:
                try:
                    sentence = _described(provider, load(image_id, provider.uses_ground_truth))
                    path = store.write_description(job.folder, image_id, sentence, job.suffix, job.overwrite)
                    desk.record(image_id, path, '', 'offline', name)
                    outcome.written.append(image_id)
                except UserError as error:
                    outcome.failed[image_id] = str(error)
                    desk.audit.append('failed', image_id=image_id, message=str(error))
                advance(image_id)
            run.update(finished=now(), stopped=None)
        finally:
            desk.audit.close()
            _write_record(job, runs, run, outcome)
    return outcome


def _described(provider: TextPriorProvider, scene: Scene) -> str:
    """Its sentence; whatever else a third party's provider raises is an error of this image."""
    try:
        return provider.describe(scene)
    except UserError:
        raise
    except Exception as error:
        _logger.debug('the provider raised what it must not', exc_info=True)
        raise DataError(f'a defect of the provider: {type(error).__name__}: {error}') from error


def _earlier_runs(job: Job) -> list[dict[str, Any]]:
    """The record's runs that something in the folder may still stem from."""
    earlier = recorded_runs(job.folder)
    if not job.overwrite:
        return earlier
    return earlier if holds_others(job.folder, job.todo) else []


def holds_others(folder: Path, ids: Iterable[str]) -> bool:
    """Whether a folder holds descriptions beside those of ``ids``."""
    own = {store.find_description(folder, image_id) for image_id in ids}
    return any(path not in own and not path.name.startswith('.') for path in folder.rglob('*.txt'))


def _write_record(job: Job, earlier: list[dict[str, Any]], run: dict[str, Any], outcome: Outcome) -> None:
    run['counts'] = {'planned': len(job.todo), 'kept': len(job.kept), 'written': len(outcome.written),
                     'failed': len(outcome.failed)}
    write_runs(job.folder, [*earlier, run])


def recorded_runs(folder: Path) -> list[dict[str, Any]]:
    """The runs that the record beside the descriptions tells of, the first first.

    Raises:
        DataError: If the record is damaged.
    """
    record = store.read_provenance(folder) or {}
    return record.get('runs', [record] if record else [])


def write_runs(folder: Path, runs: list[dict[str, Any]]) -> None:
    """Write the record. What one run is (from the ground truth, leakage), all are; what is unknown of one, too."""
    store.write_provenance(folder, {
        'uses_ground_truth': store.joint_origin(entry.get('uses_ground_truth', False) for entry in runs),
        'leakage': any(entry.get('leakage', False) for entry in runs),
        'runs': runs})


def settle(folder: Path, audit: AuditLog) -> None:
    """Give runs that were killed, whose record is as they began it, what the audit log tells of them."""
    runs = recorded_runs(folder)
    killed = {entry['run']: Counter() for entry in runs
              if isinstance(entry.get('run'), str) and entry.get('finished', '') is None and not entry.get('stopped')}
    if not killed:
        return
    models = {run: Counter() for run in killed}
    for event in audit.read():
        if (run := event.get('run')) in killed and event.get('source') != 'recovered':
            killed[run][event['event']] += 1
            if event['event'] == 'written':
                models[run][event.get('resolved_model') or event['model']] += 1
    write_runs(folder, [_settled(entry, killed[entry['run']], models[entry['run']])
                        if killed.get(entry.get('run')) else entry for entry in runs])


def _settled(entry: dict[str, Any], events: Counter, models: Counter) -> dict[str, Any]:
    counts = {outcome: events[outcome] for outcome in ('written', 'rejected', 'failed')}
    told = {'counts': counts, 'answered_by': dict(models), 'requests': None, 'tokens': None, 'cost': None}
    if 'requests' not in entry:  # nobody was asked
        before = entry.get('counts')
        told = {'counts': (before if isinstance(before, dict) else {}) | {
            outcome: counts[outcome] for outcome in ('written', 'failed')}}
    return entry | told | {'stopped': 'killed: counts are from the audit log'}


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec='seconds')
