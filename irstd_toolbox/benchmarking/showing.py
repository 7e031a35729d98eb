"""A benchmark as its caller sees it: a bar or lines while it runs, a table at the end."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import progress
from rich.console import Console
from rich.table import Table

from .jobs import LOG, Job
from .reports.seeds import figure, shown

__all__ = ['Progress', 'failures', 'summary']

_METRICS = ('IoU', 'nIoU', 'Pd', 'Fa')


class Progress:
    """A bar of the jobs that are done in a terminal, and a line for each that begins, fails or has to be done anew.

    Args:
        jobs: All of them.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.console = Console(stderr=True, soft_wrap=True)
        self.bar = progress.Progress(
            progress.TextColumn('{task.description}', markup=False), progress.BarColumn(),
            progress.MofNCompleteColumn(), progress.TimeElapsedColumn(), console=self.console, transient=True,
            disable=not self.console.is_terminal)

    def __enter__(self) -> 'Progress':
        self.bar.start()
        self.task = self.bar.add_task('jobs', total=len(self.jobs))
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()
        kept = sum(job.kept for job in self.jobs)
        if kept:
            self._print(f'{kept} of {len(self.jobs)} jobs were done before and still hold')

    def tell(self, job: Job, what: str) -> None:
        """Show what happens to a job."""
        if what == 'continued':
            self._print(f'{job.title} (continued)')
        elif what == 'new':
            self._print(job.title)
        elif what.startswith('stale: '):
            self._print(f'{job.title} (anew, since this changed: {what.removeprefix("stale: ")})')
        elif what.startswith('failed: ') and all(other.state != 'failed' for other in job.after):
            self._print(f'FAILED {job.title}: {what.removeprefix("failed: ")}')
        running = ', '.join(one.title for one in self.jobs if one.state == 'running')
        done = sum(one.state in ('done', 'failed') for one in self.jobs)
        self.bar.update(self.task, completed=done, description=running or 'jobs')

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)


def failures(jobs: Sequence[Job]) -> Iterator[str]:
    """A line for every job that failed by itself, and where its log is."""
    for job in jobs:
        if job.state == 'failed' and all(other.state != 'failed' for other in job.after):
            yield f'failed: {job.title}: {job.error} (log: {job.folder / LOG})'


def summary(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows in a terminal: means over seeds with their deviation, percent, Fa in 1e-6."""
    table = Table(caption='Means over seeds; percent, Fa in 1e-6.')
    for heading in ('method', 'trained on', 'tested on', 'images', 'leaked', 'protocol', 'seeds'):
        table.add_column(heading)
    for heading in _METRICS:
        table.add_column(heading, justify='right', no_wrap=True)
    for row in rows:
        images = '' if row['images'] is None else str(row['images'])
        leaked = '?' if row['leaked'] is None else str(row['leaked'])
        seeds = '' if row['trained_on'] is None else ' '.join('?' if one is None else str(one) for one in row['seeds'])
        cells = [shown(figure(row['values'].get(name, ())), name) for name in _METRICS]
        if row['failed']:
            cells = ['failed', *[''] * (len(_METRICS) - 1)]
        table.add_row(row['name'], row['trained_on'] or '', row['tested_on'], images, leaked, row['protocol'], seeds,
                      *cells)
    return table

