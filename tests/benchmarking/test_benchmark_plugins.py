"""A plugin's protocol in a suite: scored in worker processes, and read later by one that does not have the plugin."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from irstd_toolbox import plugin_finding, plugins
from irstd_toolbox.benchmarking.reports.benchmark_file import read_benchmark
from irstd_toolbox.benchmarking.reports.evidence import protocol_of
from irstd_toolbox.evaluation.protocols import PROTOCOLS, get

CODE = '''
from irstd_toolbox import hookimpl
from irstd_toolbox.evaluation import Protocol

@hookimpl
def register_protocols(register):
    register(Protocol('mycompany', 'acceptance', ('Pd', 'Fa'), below=2, average='image'))
'''


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a plugin, in a process that has loaded none."""
    (tmp_path / 'plugged').mkdir()
    (tmp_path / 'plugged' / 'suite_protocols.py').write_text(CODE)
    monkeypatch.setattr(plugins, '_loader', plugins._Loader())
    monkeypatch.setattr(plugin_finding, 'BUILT_IN', {})
    monkeypatch.setattr(sys, 'path', [*sys.path])
    yield tmp_path / 'plugged'
    PROTOCOLS.pop('mycompany', None)
    sys.modules.pop('suite_protocols', None)


def test_a_suite_is_scored_by_a_plugins_protocol_and_read_without_it(
        benchmark_tool: Callable, true_worker: None, network: Path, roots: dict[str, Path], plugged: Path,
        tmp_path: Path) -> None:
    brought = tmp_path / 'brought'
    (brought / 'predictions').mkdir(parents=True)
    for name, beside in (('a4', 0), ('a5', 2)):  # columns; less than 3 pixels, and not less than 2
        mask = cv2.imread(str(roots['A'] / 'masks' / f'{name}.png'), 0)
        mask[:, beside:] = mask[:, :mask.shape[1] - beside].copy()
        cv2.imwrite(str(brought / 'predictions' / f'{name}.png'), mask)
    (brought / 'results.json').write_text(json.dumps(dict(fingerprint=dict(dataset='scenes', split='test'))))
    (tmp_path / 'suite.py').write_text(
        "entries = [dict(config='network.py', name='N', tested=[dict(folder='brought', seed=3)])]\n"
        "protocols = ['canonical', 'mycompany']")
    assert benchmark_tool('--suite', tmp_path / 'suite.py', '--plugins', plugged, '--out', tmp_path / 'out') == 0
    canonical, mine = read_benchmark(tmp_path / 'out').rows
    assert (canonical.values['Pd'], mine.values['Pd'], mine.reports) == ((1.0,), (0.5,), ('Pd', 'Fa'))
    rules = get('mycompany').rules()
    assert mine.protocol_sha256 == PROTOCOLS.pop('mycompany').fingerprint()
    assert protocol_of(mine, tmp_path / 'out').rules() == rules and rules['below'] == 2.0
