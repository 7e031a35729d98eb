"""Describe a folder of images with a vision-language model, and keep the record of who wrote what."""

import hashlib
import importlib.metadata
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from irstd_toolbox import __version__
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.annotation import now, recorded_runs, settle, write_runs
from irstd_toolbox.text_priors.vlm.batch_state import pending_images
from irstd_toolbox.text_priors.vlm.cost import Prices
from irstd_toolbox.text_priors.vlm.delivery import Desk
from irstd_toolbox.text_priors.vlm.engine import Engine
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.prompts import Question
from irstd_toolbox.text_priors.vlm.report import Report
from irstd_toolbox.text_priors.vlm.secrets import guard_logging
from irstd_toolbox.text_priors.vlm.session import hold, open_desk, run_dir
from irstd_toolbox.text_priors.vlm.types import PreparedImage, VisionLanguageProvider

__all__ = ['annotate', 'record_run', 'sort_out']

_SDKS = ('openai', 'anthropic', 'transformers', 'httpx2')


def annotate(
        ids: Iterable[str], folder: Path, provider: VisionLanguageProvider, prepare: Callable[[str], PreparedImage],
        question: Question | None = None, limits: Limits | None = None, prices: Prices | None = None,
        suffix: str = store.SUFFIXES[0], overwrite: bool = False, record: Mapping[str, Any] | None = None,
        advance: Callable[[str, str], None] = lambda image_id, outcome: None) -> Report:
    """Describe the images that have no description yet; called again after any end, it goes on from there.

    Args:
        ids: Image ids.
        folder: Of the descriptions; cache and audit log go beside it, see :func:`.session.run_dir`.
        provider: Whom to ask.
        prepare: Gives the image of an id.
        question: How to ask; None for the paper's system prompt.
        limits: Pace and bounds.
        prices: For cost; None for unknown.
        suffix: File name of a new description after its id.
        overwrite: Replace descriptions that are there, unless they answer the same question already.
        record: More for ``provenance.json``: provider, options, data set, split, leakage.
        advance: Called with each id that was dealt with and what became of it.

    Raises:
        ConfigError: If another process annotates the same data set, or the suffix is not one.
        DataError: If the record, or that of batches, is damaged.
    """
    guard_logging()
    question = question or Question()
    with hold(folder):
        desk = open_desk(folder, suffix)
        settle(desk.folder, desk.audit)
        todo, kept, pending = sort_out(ids, desk, overwrite)
        if not todo:
            return Report(kept=kept, pending=pending)
        engine = Engine(provider, desk, prepare, question.prompt, question.limit, limits, prices, overwrite, advance)
        run = dict(record or {}) | {'prompt': question.record(), 'started': now()}
        write = record_run(desk, provider, run)
        write(engine.report)
        try:
            report = engine.run(todo)
            report.kept, report.pending = [*kept, *report.kept], pending
            write(report, finished=now())
        finally:
            desk.audit.close()
    return report


def sort_out(ids: Iterable[str], desk: Desk, overwrite: bool) -> tuple[list[str], list[str], dict[str, str]]:
    """Those of ``ids`` to be asked about, those whose description stays, and those that a batch is to answer for."""
    batched = pending_images(run_dir(desk.folder), desk.folder.name)
    todo, kept, pending = [], [], {}
    for image_id in dict.fromkeys(ids):
        if not overwrite and store.find_description(desk.folder, image_id):
            kept.append(image_id)
        elif image_id in batched:
            pending[image_id] = batched[image_id]
        else:
            todo.append(image_id)
    return todo, kept, pending


def record_run(desk: Desk, provider: VisionLanguageProvider, run: Mapping[str, Any]) -> Callable[..., None]:
    """A function of a report that writes the run's record and its start and end in the audit log.

    Runs of which no description is left are dropped once the run is finished and every description is accounted for.
    """
    earlier = recorded_runs(desk.folder)
    common = {'run': desk.audit.run, 'uses_ground_truth': provider.uses_ground_truth, 'leakage': False,
              'identity': provider.identity(), **run, 'toolbox_version': __version__}

    def write(report: Report, finished: str | None = None) -> None:
        entry = common | {
            'versions': _versions(provider), 'finished': finished, 'counts': report.counts(),
            'answered_by': dict(report.models), 'requests': report.calls, 'tokens': dict(report.usage),
            'cost': report.cost, 'stopped': report.stop and report.stop.message}
        desk.audit.append('run_finished' if finished else 'run_started', **{**entry, 'run': desk.audit.run})
        before = earlier if not finished else _still_there(earlier, desk)
        write_runs(desk.folder, [*before, entry])
    return write


def _still_there(runs: list[dict[str, Any]], desk: Desk) -> list[dict[str, Any]]:
    """The runs that a description stems from; all, if there is a description of unknown origin."""
    sources = set()
    known = 0
    for image_id, (_, sha256, run) in desk.written().items():
        path = store.find_description(desk.folder, image_id)
        if path and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            sources.add(run)
            known += 1
    files = sum(not path.name.startswith('.') for path in desk.folder.rglob('*.txt'))
    return runs if files > known else [entry for entry in runs if entry.get('run') in sources]


def _versions(provider: VisionLanguageProvider) -> dict[str, str]:
    """Of the SDKs that are loaded, and of the module that the provider comes from where it tells one."""
    found = {name: importlib.metadata.version(name) for name in _SDKS if name in sys.modules}
    top = type(provider).__module__.partition('.')[0]
    version = getattr(sys.modules.get(top), '__version__', None)
    return found | ({top: str(version)} if version and top != 'irstd_toolbox' else {})
