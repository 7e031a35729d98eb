"""The page: what stands where, and which handler answers when something on it is touched."""

import functools
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from .analysis import MAX_PIXELS, Analysis, language_use
from .examples import EXAMPLES
from .handlers import Handlers, Shown, forget
from .words import HEADERS, HINT, SENTENCES, table

__all__ = ['TITLE', 'build_page', 'theme']

TITLE = 'Infrared small target detection'
_KEPT = 3600
"""Seconds for which a visitor's files and results are kept."""

_ONE_WORKER = dict(concurrency_id='model', concurrency_limit=1, api_visibility='private')
_PICTURE = dict(format='png', buttons=['download', 'fullscreen'], interactive=False, min_width=280)
_WIDTHS = [f'{width}px' for width in (65, 85, 100, 85, 85, 85, 180, 125)]
_DOWNLOADS = {'mask': 'Mask (PNG)', 'probability': 'Probabilities (16-bit PNG)', 'csv': 'Table (CSV)',
              'json': 'Table (JSON)'}


def theme() -> gr.themes.Base:
    """Colours and fonts; the fonts are the machine's own, so that none is fetched."""
    return gr.themes.Base(
        primary_hue='blue', neutral_hue='slate', font=['system-ui', 'sans-serif'],
        font_mono=['ui-monospace', 'monospace'])


def build_page(handlers: Handlers, threshold: float) -> gr.Blocks:
    """Lay the page out; the slider stands at ``threshold``."""
    use = language_use(handlers.predictor.model)
    with gr.Blocks(title=f'{TITLE}: {Path(handlers.config).stem}', analytics_enabled=False,
                   fill_width=True, delete_cache=(_KEPT, _KEPT)) as page:
        state = gr.State(None, time_to_live=_KEPT, delete_callback=forget)
        gr.Markdown(_head(handlers))
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                image = gr.File(label=f'Image of up to {MAX_PIXELS:,} pixels', elem_id='image', height=150)
                with gr.Row():
                    examples = {label: gr.Button(f'Try {label}', size='sm', min_width=130) for label in EXAMPLES}
                slider = gr.Slider(0, max(0.999, threshold), value=threshold, step=0.001, elem_id='threshold',
                                   label='Threshold', info='A pixel is target where its probability is above.')
                sentence = gr.Textbox(label='Sentence about the scene (optional)', info=SENTENCES.get(use),
                                      lines=2, max_lines=5, visible=use == 'read', elem_id='sentence')
                if use == 'training only':
                    gr.Markdown(SENTENCES[use], elem_id='no-sentence')
                mask = gr.File(label='Ground-truth mask (optional)', elem_id='mask', height=150)
                run = gr.Button('Find targets', variant='primary', elem_id='run')
            with gr.Column(scale=3, min_width=300):
                notice = gr.HTML(HINT, elem_id='notice')
                with gr.Column(visible=False) as results:
                    marked = gr.Image(label='Targets', elem_id='marked', elem_classes='picture', **_PICTURE)
                    rows = gr.Dataframe(headers=HEADERS[:-1], interactive=False, column_widths=_WIDTHS,
                                        label='Targets, in pixels; a box is left, top, right, bottom',
                                        elem_id='targets', max_height=320, buttons=[])
                    with gr.Row():
                        probability = gr.Image(label='Probability', elem_id='probability', elem_classes='picture',
                                               **_PICTURE)
                        difference = gr.Image(label='Hit, missed and false pixels', elem_id='difference',
                                              elem_classes='picture', visible=False, **_PICTURE)
                    with gr.Row():
                        files = {kind: gr.DownloadButton(label, size='sm', min_width=130, elem_id=f'download-{kind}')
                                 for kind, label in _DOWNLOADS.items()}

        outputs = [state, notice, results, marked, rows, probability, difference, *files.values()]
        # On the notice, which is there before the first result.
        events = dict(outputs=outputs, show_progress='full', show_progress_on=notice, **_ONE_WORKER)
        find = dict(fn=_updates(handlers.find), inputs=[state, image, mask, sentence, slider], **events)
        judge = dict(fn=_updates(handlers.judge), inputs=[state, mask, slider], **events)
        for trigger in (image.upload, run.click, sentence.submit):
            trigger(**find)
        image.clear(_updates(lambda known: forget(known) or Shown(HINT)), inputs=[state], **events)
        for trigger in (mask.upload, mask.clear):
            trigger(**judge)
        slider.change(**judge, trigger_mode='always_last')
        for label, button in examples.items():
            made = button.click(functools.partial(handlers.example, label), outputs=[image, mask], **_ONE_WORKER)
            made.then(handlers.forget_example, **_ONE_WORKER).then(**find)
    return page


def _head(handlers: Handlers) -> str:
    weights = f'weights `{Path(handlers.checkpoint).name}`' if handlers.checkpoint else 'without weights'
    return (f'# {TITLE}\nModel `{Path(handlers.config).stem}` on `{handlers.predictor.device}`, {weights}. Images are '
            'processed by the machine that serves this page and sent nowhere else.')


def _updates(handler: Callable[..., Shown]) -> Callable[..., list]:
    """``handler`` as gradio wants it: a value or an update for each of the page's outputs, in their order."""
    @functools.wraps(handler)
    def answer(*values: object) -> list:
        shown = handler(*values)
        analysis = shown.analysis
        if analysis is None:
            return [shown.known, shown.notice, gr.Column(visible=False), *[gr.skip()] * (4 + len(_DOWNLOADS))]
        judged = analysis.truth is not None
        return [
            shown.known, shown.notice, gr.Column(visible=True),
            gr.Image(shown.marked, alt_text=_alt(analysis)),
            gr.Dataframe(table(analysis), headers=HEADERS if judged else HEADERS[:-1],
                         datatype=['number'] * 6 + ['str'] * (1 + judged)),
            gr.Image(shown.probability, alt_text=f'Probability map of {analysis.name}'),
            gr.Image(shown.difference, visible=judged, alt_text='Pixels that were hit, missed or false'),
            *(gr.DownloadButton(value=str(shown.files[kind])) for kind in _DOWNLOADS)]
    return answer


def _alt(analysis: Analysis) -> str:
    places = '; '.join(f'{row.number} at row {row.target.centroid[1]:.0f}, column {row.target.centroid[0]:.0f}'
                       for row in analysis.rows[:10])
    return f'{analysis.name}, {len(analysis.rows)} targets circled' + (f': {places}' if places else '')
