"""What a machine without a network must have, told where a slot is packed."""

import importlib.metadata
import runpy
import zipfile
from pathlib import Path

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.slots.wheels import needed

ROOT = Path(__file__).resolve().parents[2]


def write_wheel(folder: Path, name: str, *requires: str) -> Path:
    path = folder / f'{name}-1.0-py3-none-any.whl'
    with zipfile.ZipFile(path, 'w') as file:
        lines = [f'Name: {name}', *(f'Requires-Dist: {one}' for one in requires)]
        file.writestr(f'{name}-1.0.dist-info/METADATA', '\n'.join(lines))
    return path


def test_it_is_what_is_required_and_not_carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, 'requires', lambda _: ['Torch>=2', 'engine>1', 'tester; extra == "test"'])
    wheels = [write_wheel(tmp_path, 'Engine', 'yapf', 'some_thing (>=1)', 'old; python_version < "3"',
                          'no requirement of any known form'), write_wheel(tmp_path, 'Some.Thing')]
    assert needed(wheels) == ['torch', 'yapf']
    assert needed([]) == ['engine', 'torch']


def test_the_toolbox_needs_its_engine() -> None:
    assert {'torch', 'onedl-mmengine', 'numpy'} <= set(needed([])) and 'pytest' not in needed([])


@pytest.mark.parametrize('content', [b'no archive', None])
def test_what_is_no_wheel_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / 'broken.whl'
    if content is None:
        with zipfile.ZipFile(path, 'w') as file:
            file.writestr('other', '')
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r'broken.whl cannot be read as a wheel \(.+\). Download it again.'):
        needed([path])


def test_packing_tells_it(tmp_path: Path, wheel: Path, capsys: pytest.CaptureFixture) -> None:
    plan = tmp_path / 'plan.py'
    plan.write_text("runs = [dict(config='configs/synthetic/acm_fpn.py')]")
    words = ['pack', str(plan), '--results', str(tmp_path / 'results'), '--out', str(tmp_path / 'boxes'), '--wheels',
             str(wheel)]
    assert runpy.run_path(str(ROOT / 'tools' / 'slots.py'))['main'](words) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith('needed there'))
    assert line.split(': ')[1].split(', ') == needed(wheel.glob('*.whl'))
