"""tools/app.py before it serves, and the page that it lays out."""

import importlib.util
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from irstd_toolbox.app.examples import EXAMPLES
from irstd_toolbox.app.handlers import Handlers
from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.inference import Predictor

needs_gradio = pytest.mark.skipif(importlib.util.find_spec('gradio') is None,
                                  reason="gradio is not installed: pip install -e '.[app]'")


@pytest.mark.parametrize('threshold', ['1', '-0.5'])
def test_a_threshold_that_decides_nothing_is_refused(tool: Callable, threshold: str) -> None:
    with pytest.raises(ConfigError, match='0 <= T < 1 is expected'):
        tool('app')(['any.py', f'--threshold={threshold}'])


def test_a_missing_gradio_is_named_with_the_command(tool: Callable, top_hat: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'gradio', None)
    monkeypatch.delitem(sys.modules, 'irstd_toolbox.app.server', raising=False)
    monkeypatch.delitem(sys.modules, 'irstd_toolbox.app.page', raising=False)
    with pytest.raises(ConfigError, match=r"pip install -e '\.\[app\]'"):
        tool('app')([str(top_hat)])


@needs_gradio
def test_a_model_with_weights_needs_a_checkpoint(tool: Callable, repository: Path) -> None:
    with pytest.raises(CheckpointError, match='has weights, so a CHECKPOINT is needed'):
        tool('app')([str(repository / 'configs' / 'lgnet_demo.py')])


@needs_gradio
def test_the_model_is_never_run_twice_at_once(predictor: Predictor, top_hat: Path, tmp_path: Path) -> None:
    from irstd_toolbox.app.page import build_page
    page = build_page(Handlers(predictor, str(top_hat), None, tmp_path), 0.5)
    assert {(event.concurrency_id, event.concurrency_limit) for event in page.fns.values()} == {('model', 1)}


@needs_gradio
def test_nothing_of_the_page_is_a_programming_interface(predictor: Predictor, top_hat: Path, tmp_path: Path) -> None:
    from irstd_toolbox.app.page import build_page
    page = build_page(Handlers(predictor, str(top_hat), None, tmp_path), 0.5)
    assert {event.api_visibility for event in page.fns.values()} == {'private'}


@needs_gradio
def test_the_files_of_an_example_are_removed_after_its_click(predictor: Predictor, top_hat: Path,
                                                             tmp_path: Path) -> None:
    from irstd_toolbox.app.page import build_page
    handlers = Handlers(predictor, str(top_hat), None, tmp_path)
    events = build_page(handlers, 0.5).fns
    clicks = [number for number, event in events.items() if getattr(event.fn, 'func', None) == handlers.example]
    after = [[event for event in events.values() if event.trigger_after == click] for click in clicks]
    assert [[event.fn for event in following] for following in after] == [[handlers.forget_example]] * len(EXAMPLES)


@needs_gradio
def test_the_slider_reaches_the_threshold(predictor: Predictor, top_hat: Path, tmp_path: Path) -> None:
    from irstd_toolbox.app.page import build_page
    page = build_page(Handlers(predictor, str(top_hat), None, tmp_path), 0.9995)
    slider, = (block for block in page.blocks.values() if getattr(block, 'elem_id', '') == 'threshold')
    assert slider.maximum == 0.9995


@needs_gradio
def test_a_port_that_is_none_is_an_error(predictor: Predictor, top_hat: Path, tmp_path: Path) -> None:
    from irstd_toolbox.app.page import build_page
    from irstd_toolbox.app.server import launch
    with pytest.raises(ConfigError, match='cannot be served at 127.0.0.1, port 99999'):
        launch(build_page(Handlers(predictor, str(top_hat), None, tmp_path), 0.5), '127.0.0.1', 99999)


@needs_gradio
def test_no_font_is_fetched() -> None:
    from irstd_toolbox.app.page import theme
    assert theme()._stylesheets == []


@needs_gradio
def test_an_occupied_port_is_an_error(predictor: Predictor, top_hat: Path, tmp_path: Path) -> None:
    from irstd_toolbox.app.page import build_page
    from irstd_toolbox.app.server import launch
    page = build_page(Handlers(predictor, str(top_hat), None, tmp_path), 0.5)
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        with pytest.raises(ConfigError, match='cannot be served at 127.0.0.1, port .* Choose another --port'):
            launch(page, '127.0.0.1', taken.getsockname()[1])


@needs_gradio
def test_what_runs_shows_its_progress_on_the_notice_which_is_there_before_a_result(
        predictor: Predictor, top_hat: Path, tmp_path: Path) -> None:
    from irstd_toolbox.app.page import build_page
    page = build_page(Handlers(predictor, str(top_hat), None, tmp_path), 0.5)
    notice, = (block for block in page.blocks.values() if getattr(block, 'elem_id', '') == 'notice')
    results = [event for event in page.fns.values() if notice in event.outputs]
    assert len(results) == 9
    assert {(event.show_progress, *(block.elem_id for block in event.show_progress_on)) for event in results} == {
        ('full', 'notice')}
