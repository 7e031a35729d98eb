"""What the page says in HTML, and the rows of its table."""

import html
import math
import os

from ..evaluation.functional import fa, iou, pd
from ..visualization.findings import COLOURS, find
from .analysis import Analysis
from .pictures import MOST_CIRCLES

__all__ = ['HEADERS', 'HINT', 'SCRIPT', 'SENTENCES', 'STYLE', 'problem', 'summary', 'table']

HEADERS = ['No.', 'Row', 'Column', 'Area', 'Peak', 'Mean', 'Box', 'Verdict']
"""Of the table; the last one where there is a ground truth."""

HINT = '<p>Choose an image, or try a synthetic scene: its targets are shown here.</p>'

SENTENCES = {
    'read': 'This model reads the sentence. One that was written from the mask tells where the target is: the ground '
            'truth leaks, and the result says nothing about detection. The paper uses the image alone at test.',
    'training only': 'This model was trained with sentences and sees the image alone at test, as in the paper. To try '
                     'sentences, start the page with `--cfg-options model.target_descriptor.text=train_and_test`.'}
"""What is said of sentences, by the answer of :func:`.language_use`."""

STYLE = '''
.problem { border-left: 4px solid #D55E00; padding: .5em .8em; background: var(--background-fill-secondary);
           overflow-wrap: anywhere; }
.found { overflow-wrap: anywhere; }
.found dl { display: flex; flex-wrap: wrap; gap: .3em 1.6em; margin: .4em 0 0; }
.found dt { font-size: .85em; color: var(--body-text-color-subdued); }
.found dd { margin: 0; font-variant-numeric: tabular-nums; }
.found .key { display: inline-block; width: .8em; height: .8em; border: 1px solid #000; margin-right: .3em; }
#targets .cell-menu-button { opacity: 1; visibility: visible; display: flex; }  /* not only under a mouse */
.picture .image-frame { padding-top: 2.3em; }  /* label and buttons stand above the picture, not on it */
.picture img { width: 100%; max-height: 85vh; object-fit: contain; }
'''
"""Style sheet of the page."""

SCRIPT = '''() => {
  const names = {
    image: 'Image: choose a file or drop it here', mask: 'Ground-truth mask: choose a file or drop it here'};
  const name = () => Object.entries(names).forEach(([id, text]) =>
    document.querySelectorAll(`#${id} .upload-container`).forEach(area =>
      area.getAttribute('aria-label') === text || area.setAttribute('aria-label', text)));
  new MutationObserver(name).observe(document.body, {childList: true, subtree: true});
  name();
}'''
"""Gives the two places for files, which gradio calls alike, names that a screen reader can tell apart."""

_MISSED = 10


def problem(error: Exception | str, path: str | os.PathLike | None = None) -> str:
    """An error as a message that a screen reader speaks at once; of a file that was sent, only its name is told.

    Example:
        >>> problem('uploads/a<b.png: cannot be read', 'uploads/a<b.png')
        '<p class="problem" role="alert">a&lt;b.png: cannot be read</p>'
    """
    text = str(error)
    if path is not None:
        text = text.replace(str(path), os.path.basename(path))
    return f'<p class="problem" role="alert">{html.escape(text)}</p>'


def summary(analysis: Analysis) -> str:
    """How many targets there are, and beside a ground truth the metrics of this image."""
    count, (height, width) = len(analysis.rows), analysis.found.mask.shape
    text = (f'<strong>{count} {"target" if count == 1 else "targets"}</strong> above {analysis.threshold:g} in '
            f'{html.escape(analysis.name)} ({width}x{height}, width x height).')
    findings = find(analysis.found.mask, analysis.truth)
    if len(findings) > MOST_CIRCLES:
        text += f' The {MOST_CIRCLES} largest of {len(findings)} findings are circled.'
    return f'<div class="found" role="status"><p>{text}</p>{_metrics(analysis, findings)}</div>'


def table(analysis: Analysis) -> list[list]:
    """The rows of the table under :data:`HEADERS`: pixels to two decimals, probabilities to four."""
    rows = []
    for row in analysis.rows:
        column, line = row.target.centroid
        rows.append([row.number, round(line, 2), round(column, 2), row.target.area, round(row.target.score, 4),
                     round(row.mean, 4), ', '.join(map(str, row.target.box)), *([row.verdict] if row.verdict else [])])
    return rows


def _metrics(analysis: Analysis, findings: list) -> str:
    counts = analysis.counts
    if counts is None:
        return ''
    numbers = [
        ('IoU', f'{_percent(iou(counts))} ({counts.intersection} of {counts.union} pixels)'),
        ('Pd', f'{_percent(pd(counts))} ({counts.matched} of {counts.targets} targets)'),
        ('Fa', f'{1e6 * fa(counts):.1f}e-6 ({counts.false_alarm_pixels} of {counts.false_alarm_base} pixels)'),
        *((_key(kind) + name, str(sum(found.verdict == kind for found in findings))) for kind, name in (
            ('hit', 'Hits'), ('miss', 'Missed'), ('false alarm', 'False alarms')))]
    text = ''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in numbers)
    missed = [found.pixels.mean(axis=0) for found in findings if found.verdict == 'miss']
    if missed:
        places = '; '.join(f'row {row:.1f}, column {column:.1f}' for row, column in missed[:_MISSED])
        text += f'<div><dt>Missed at</dt><dd>{places}{"; ..." if missed[_MISSED:] else ""}</dd></div>'
    return f'<dl>{text}</dl>'


def _percent(share: float) -> str:
    return 'undefined' if math.isnan(share) else f'{100 * share:.1f} %'


def _key(kind: str) -> str:
    return f'<span class="key" style="background:{COLOURS[kind]}" aria-hidden="true"></span>'
