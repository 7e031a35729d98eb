"""Numbers on command lines: one that nothing can be done with is refused before anything is read."""

import argparse
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

LEAST = {
    'annotate': dict(shots=1, word_limit=1),
    'benchmark_annotation': dict(fault_every=0, images=1, size=1, workers=1),
    'benchmark_cost': dict(repeats=1, size=16, threads=1),
    'benchmark_export': dict(repeats=1, size=16),
    'benchmark_metrics': dict(images=1, repeat=1, size=17),
    'benchmark_model_driven': dict(timed=1, tune_images=1),
    'benchmark_speed': dict(batch=1, epochs=2, predict=1, repeats=1, size=64, steps=1, workers=0),
    'benchmark_training': dict(batch=1, epochs=1, iterations=1, size=1, stretch=1, test=1, train=1),
    'browse_dataset': dict(images=1, samples=1, seed=0),
    'check_dataset': dict(workers=1),
    'demo': dict(test=1, train=1),
    'draw': dict(insets=0, worst=1),
    'slots pack': dict(boxes=1),
    'slots run': dict(at_once=1, files=1, threads=1),
    'test': dict(panels=0),
    'tune_threshold': dict(images=1),
}


@pytest.mark.parametrize('text', [None, '1.5', 'few'])
@pytest.mark.parametrize(('tool', 'option', 'least'), [
    (tool, option.replace('_', '-'), least) for tool, options in LEAST.items() for option, least in options.items()])
def test_a_number_below_the_least_is_refused(
        tool: str, option: str, least: int, text: str | None, load_tool: Callable[[str], ModuleType],
        capsys: pytest.CaptureFixture) -> None:
    name, *command = tool.split()
    text = str(least - 1) if text is None else text
    with pytest.raises(SystemExit) as left:
        load_tool(name).main([*command, f'--{option}={text}'])
    assert left.value.code == 2
    assert f"argument --{option}: '{text}'; expected a whole number from {least}" in capsys.readouterr().err


@pytest.mark.parametrize('tool', ['analyze_logs', 'draw', 'plot_curves'])
@pytest.mark.parametrize('text', ['0', '41', 'nan', 'wide'])
def test_a_width_that_is_none_is_refused(tool: str, text: str, load_tool: Callable[[str], ModuleType],
                                         capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as left:
        load_tool(tool).main([f'--width={text}'])
    assert left.value.code == 2
    assert f"argument --width: '{text}'; expected inches, 1 to 40" in capsys.readouterr().err


@pytest.mark.parametrize('text', ['0', '-1', 'nan', 'inf', 'soon'])
def test_a_latency_that_no_server_has_is_refused(text: str, load_tool: Callable[[str], ModuleType],
                                                 capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as left:
        load_tool('benchmark_annotation').parse([f'--latency={text}'])
    assert left.value.code == 2
    assert f"argument --latency: '{text}'; expected seconds above 0, such as 0.5" in capsys.readouterr().err


def test_no_more_images_are_drawn_than_differ(load_tool: Callable[[str], ModuleType], tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    tool = load_tool('benchmark_annotation')
    monkeypatch.setattr(tool, 'SCENES', 2)
    with pytest.raises(SystemExit) as left:
        tool.parse(['--images', '129', '--size', '64'])
    assert left.value.code == 2 and '--images 129; expected at most 128' in capsys.readouterr().err
    args = tool.parse(['--images', '128', '--size', '64', '--latency', '0.25'])
    tool.draw(tmp_path / 'images', args.images, args.size)
    drawn = [path.read_bytes() for path in (tmp_path / 'images').iterdir()]
    assert (len(drawn), len(set(drawn)), args.latency) == (128, 128, 0.25)


@pytest.mark.parametrize('side', ['0', '-3', '1.5', 'x'])
def test_a_side_without_pixels_is_refused(side: str, load_tool: Callable[[str], ModuleType],
                                          capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as left:
        load_tool('complexity').main(['any.py', '--size', side, '10'])
    assert left.value.code == 2
    assert f"argument --size: '{side}'; expected a whole number from 1" in capsys.readouterr().err


@pytest.mark.parametrize('tool', sorted(path.stem for path in (Path(__file__).parents[2] / 'tools').glob('*.py')))
def test_a_list_that_is_given_in_two_parts_is_read_whole(tool: str, load_tool: Callable[[str], ModuleType],
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    def lists(parser: argparse.ArgumentParser, *_: object) -> None:
        left.extend(action.option_strings[0] for action in parser._actions
                    if action.option_strings and action.nargs == '+' and not action.default
                    and not isinstance(action, argparse._ExtendAction))
        raise SystemExit
    left: list[str] = []
    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', lists)
    with pytest.raises(SystemExit):
        load_tool(tool).main([])
    assert left == []
