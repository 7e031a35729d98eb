"""What a model costs: percentiles by hand, counts, memory that is the process's own."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from irstd_toolbox.benchmarking import cost, worker
from irstd_toolbox.benchmarking.cost import percentiles, scene_for, timed
from irstd_toolbox.benchmarking.memory import peak_memory
from irstd_toolbox.models.complexity import complexity
from irstd_toolbox.training.config_edits import load_config


def test_percentiles_lie_between_their_neighbours():
    # Of 1, 2, 3, 4 the places of 5, 50 and 95 % are 0.15, 1.5 and 2.85.
    assert percentiles([4.0, 1.0, 3.0, 2.0]) == pytest.approx({'p5': 1.15, 'p50': 2.5, 'p95': 3.85})


def test_calls_are_timed_in_milliseconds_and_the_first_does_not_count(monkeypatch):
    clock = iter([0.0, 9.0, 20.0, 20.002, 30.0, 30.004])
    monkeypatch.setattr(cost.time, 'process_time', lambda: next(clock))
    assert timed(lambda: None, 2) == pytest.approx([2.0, 4.0])


@pytest.mark.parametrize('size', [40, 96])
def test_a_scene_has_the_size_that_was_asked_for_though_the_network_pads(size):
    def pad(packed, training):
        return dict(inputs=torch.nn.functional.pad(packed['inputs'][0][None], (0, 7, 0, 7)))
    scene = scene_for(SimpleNamespace(data_preprocessor=pad), size)
    assert scene.shape == (1, 1, size, size) and scene.min() > 0


@pytest.fixture
def measured(network, tmp_path):
    """What the worker finds of a network on images of 32x32."""
    (tmp_path / 'task.json').write_text(json.dumps(dict(
        step='cost', config=str(network), size=32, repeats=2, plugins=[])))
    worker.main([str(tmp_path / 'task.json'), str(tmp_path / 'result.json')])
    return json.loads((tmp_path / 'result.json').read_text())


def test_parameters_and_operations_are_those_of_complexity(measured, network):
    model = load_config(str(network)).model
    for size in (256, 512):
        assert measured[f'macs_{size}'] == complexity(model, (size, size))['macs'] > 0
    assert measured['parameters'] == complexity(model)['parameters'] and measured['size'] == 32


def test_latency_has_percentiles_and_a_machine_without_gpu_has_none_of_it(measured):
    cpu = measured['cpu_ms']
    assert 0 < cpu['p5'] <= cpu['p50'] <= cpu['p95'] and 0 <= measured['memory_mib'] < peak_memory() / 2
    assert (measured['gpu_ms'] is None) is not torch.cuda.is_available()
    assert (measured['gpu_memory_mib'] is None) is not torch.cuda.is_available()


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_the_peak_of_a_process_is_not_that_of_its_parent():
    ballast = np.ones(400 << 17)  # 400 MiB, which fork and exec hand down in getrusage
    code = 'from irstd_toolbox.benchmarking.memory import peak_memory; print(peak_memory(), flush=True)'
    own = float(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout)
    again = float(subprocess.run(
        [sys.executable, '-c', f'import numpy as np; x = np.ones(400 << 17); {code}'], capture_output=True, text=True,
        check=True).stdout)
    assert ballast.nbytes == 400 << 20 and 300 < again - own < 500


@pytest.mark.skipif(not os.access('/proc/self/clear_refs', os.W_OK), reason='the peak of a process cannot be lowered')
def test_what_was_held_and_freed_before_hides_no_memory_of_the_model(request):
    # As the model that is built to be counted is, whose weights would else be missing from what is measured.
    assert np.ones(200 << 17).any()
    assert request.getfixturevalue('measured')['memory_mib'] > 0
