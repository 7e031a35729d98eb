"""The verbs on batches: submit, status, ingest, cancel, cleanup."""

from dataclasses import asdict
from typing import Any

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.cli.work import Shown, Work, listed
from irstd_toolbox.text_priors.tables import render
from irstd_toolbox.text_priors.vlm import batch
from irstd_toolbox.text_priors.vlm.batch_state import pending_images
from irstd_toolbox.text_priors.vlm.session import run_dir
from irstd_toolbox.text_priors.vlm.types import BatchProvider

__all__ = ['do']

_COLUMNS = ('label', 'state', 'images', 'done', 'total', 'remote_id', 'message')


def do(work: Work, verb: str) -> int:
    """Do one of the verbs, and print what came of it.

    Raises:
        ConfigError: If the provider takes no batches.
    """
    provider, args, folder, limits = work.model(), work.args, work.folder, work.limits()
    if not isinstance(provider, BatchProvider):
        raise ConfigError(f'provider {args.provider!r} takes no batches; expected one that does, such as openai or '
                          'anthropic. Use --do run.')
    if verb == 'submit':
        question = work.question()
        work.confirm(len(work.ids))
        with Shown(verb, len(work.ids)) as shown:
            report = batch.submit(work.ids, folder, provider, work.prepare, question, limits, work.prices, args.suffix,
                                  args.overwrite, work.record(), advance=shown.advance)
    elif verb == 'ingest':
        with Shown(verb, len(pending_images(run_dir(folder), folder.name))) as shown:
            report = batch.ingest(folder, provider, limits, work.prices, advance=shown.advance)
    else:
        report = {'status': batch.status, 'cancel': batch.cancel, 'cleanup': batch.cleanup}[verb](
            folder, provider, limits)
    values = asdict(report) | {'exit_code': report.exit_code}
    for name in ('failed', 'rejected', 'unknown'):
        listed(name, values.get(name, {}))
    if report.stopped:
        listed('stopped', {verb: report.stopped})
    work.show(_told(values), values)
    return report.exit_code


def _told(values: dict[str, Any]) -> str:
    shards = values.get('shards', [])
    table = render(_COLUMNS, [['' if shard.get(name) is None else shard[name] for name in _COLUMNS]
                              for shard in shards])
    counts = [f'{len(value)} {name}' for name, value in values.items()
              if isinstance(value, list | dict) and name not in ('shards', 'usage', 'models', 'answered_by')]
    return '\n'.join([*([table] if shards else []), ', '.join(counts) or f'{len(shards)} batches'])
