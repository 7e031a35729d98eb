"""The verbs that write descriptions now: ``run``, and ``plan``, which tells what ``run`` would do."""

import math
from typing import Any

from irstd_toolbox.errors import UserError
from irstd_toolbox.text_priors import annotation, store
from irstd_toolbox.text_priors.cli.work import Shown, Work, listed
from irstd_toolbox.text_priors.vlm.annotate import annotate, sort_out
from irstd_toolbox.text_priors.vlm.batch_state import pending_images
from irstd_toolbox.text_priors.vlm.cost import Estimate, estimate
from irstd_toolbox.text_priors.vlm.judge import judge
from irstd_toolbox.text_priors.vlm.report import Report
from irstd_toolbox.text_priors.vlm.session import open_desk, run_dir

__all__ = ['plan', 'run', 'run_offline']

PARTIAL = 3


def run_offline(work: Work, leakage: bool) -> int:
    """Have a provider that asks no model describe the images."""
    from rich.console import Console
    from rich.progress import Progress

    args, job = work.args, annotation.plan(work.ids, work.folder, work.args.suffix, work.args.overwrite)
    messages = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    messages.print(f'plan: {len(job.todo)} descriptions by {args.provider} to {work.folder}, {len(job.kept)} kept'
                   + ('; from the ground truth' if work.provider.uses_ground_truth else '')
                   + (f'; LEAKAGE: {len(work.test_ids)} of the images are test images' if leakage else ''))
    counts = {'written': 0, 'kept': len(job.kept), 'planned': len(job.todo), 'folder': str(work.folder)}
    if args.do == 'plan' or not job.todo:
        work.show(f'0 written, {len(job.kept)} kept: {work.folder}', counts)
        return 0
    record = {'provider': args.provider, 'options': dict(work.options), 'dataset': work.dataset, 'split': args.split,
              'leakage': leakage, 'test_images': len(work.test_ids)}
    with Progress(console=messages) as progress:
        task = progress.add_task('describing', total=len(job.todo))
        outcome = annotation.annotate(job, work.provider, work.scene, record, lambda _: progress.advance(task))
    listed('failed', outcome.failed)
    work.show(f'{len(outcome.written)} written, {len(job.kept)} kept, {len(outcome.failed)} failed: {work.folder}',
              counts | {'written': len(outcome.written), 'failed': outcome.failed})
    return PARTIAL if outcome.failed else 0


def run(work: Work) -> int:
    """Have a model describe the images."""
    provider, question, limits = work.model(), work.question(), work.limits()
    existing = 0 if work.args.overwrite else sum(
        store.find_description(work.folder, image_id) is not None for image_id in work.ids)
    todo = len(work.ids) - existing
    work.confirm(todo)
    pending = set(pending_images(run_dir(work.folder), work.folder.name)) & set(work.ids)
    with Shown('describing', todo - len(pending)) as shown:
        report = annotate(
            work.ids, work.folder, provider, work.prepare, question, limits, work.prices, work.args.suffix,
            work.args.overwrite, work.record(), shown.advance)
    listed('failed', report.failed)
    listed('rejected', report.rejected)
    if report.pending:
        listed('pending', {image_id: f'in batch {label}' for image_id, label in report.pending.items()})
    if report.stop:
        listed('stopped', {report.stop.kind: report.stop.message})
    work.show(_told(report, work), _values(report, work))
    return report.exit_code


def _told(report: Report, work: Work) -> str:
    cached = f' ({len(report.from_cache)} from the cache)' if report.from_cache else ''
    parts = [f'{len(report.written)} written{cached}', f'{len(report.kept)} kept', f'{len(report.rejected)} rejected',
             f'{len(report.failed)} failed', f'{len(report.unasked)} not asked']
    if report.pending:
        parts.append(f'{len(report.pending)} pending in batches')
    tokens = f"{report.usage['input_tokens']} + {report.usage['output_tokens']} tokens" if report.usage else ''
    cost = '' if report.cost is None else f', cost {report.cost:.4g}'
    return f'{", ".join(parts)}: {work.folder}\n{report.calls} requests{tokens and f", {tokens}"}{cost}'


def _values(report: Report, work: Work) -> dict[str, Any]:
    return {'folder': str(work.folder), 'counts': report.counts(), 'rejected': report.rejected,
            'failed': report.failed, 'not_asked': report.unasked, 'pending': report.pending,
            'stopped': report.stop and {'kind': report.stop.kind, 'message': report.stop.message},
            'requests': report.calls, 'tokens': dict(report.usage), 'cost': report.cost,
            'answered_by': dict(report.models), 'exit_code': report.exit_code}


def plan(work: Work) -> int:
    """Tell what ``run`` would do; nothing is sent or written."""
    provider, question = work.model(), work.question()
    identity = provider.identity()
    desk = open_desk(work.folder, work.args.suffix)
    todo, kept, pending = sort_out(work.ids, desk, work.args.overwrite)
    cached, failed, keys = 0, {}, set()
    sent = inputs = outputs = 0
    unknown = False
    with Shown('reading', len(todo)) as shown:
        for image_id in todo:
            try:
                image = work.prepare(image_id)
                prompt = question.prompt(image)
                key = desk.cache.key(identity, prompt, image)
                standing = desk.standing(image_id, key, note=False)
            except UserError as error:
                failed[image_id] = str(error)
                shown.advance(image_id, 'unreadable')
                continue
            if standing.state == 'done':
                kept.append(image_id)
                shown.advance(image_id, 'kept')
                continue
            answer = desk.cache.get(key)
            known = answer is not None and judge(answer, question.limit).ok
            if known:
                cached += 1
            elif key not in keys:
                keys.add(key)
                expected = estimate(str(identity.get('model', '')), image, prompt, question.limit)
                images = [image.png, *(shot.image.png for shot in prompt.shots)]
                sent += sum(4 * math.ceil(len(png) / 3) for png in images)
                inputs, unknown = inputs + (expected.input_tokens or 0), unknown or expected.input_tokens is None
                outputs += expected.output_tokens
            shown.advance(image_id, 'cached' if known else 'to be asked')
    cost = Estimate(None if unknown else inputs, outputs).cost(work.prices)
    values = {'images': len(work.ids), 'kept': len(kept), 'pending': len(pending), 'cached': cached,
              'requests': len(keys), 'unreadable': failed, 'megabytes': round(sent / 1e6, 3),
              'input_tokens': None if unknown else inputs, 'output_tokens': outputs, 'cost': cost,
              'identity': identity, 'prompt': question.record(), 'folder': str(work.folder)}
    tokens = 'input tokens unknown' if unknown else f'about {inputs} input tokens'
    told = [
        f'{len(work.ids)} images: {len(kept)} kept, {len(pending)} pending in batches, {cached} in the cache, '
        f'{len(failed)} unreadable, {len(keys)} requests to send',
        f'{sent / 1e6:.1f} MB, {tokens}, {outputs} output tokens without reasoning; '
        f'cost {"unknown" if cost is None else f"about {cost:.4g}"} (an estimate)',
        f'prompt {question.style}: {question.record()["task"]}', 'nothing was sent']
    listed('unreadable', failed)
    work.show('\n'.join(told), values)
    return PARTIAL if failed else 0
