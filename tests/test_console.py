"""How tools end: the caller's errors as one paragraph with status 2, defects with their traceback."""

import errno
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from irstd_toolbox import console
from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation.files import write_atomically
from irstd_toolbox.registry import (
    BACKBONES,
    MODELS,
    OPTIMIZERS,
    TEXT_PRIOR_PROVIDERS,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
)


def leave(error: BaseException) -> Callable[[], None]:
    def main() -> None:
        raise error
    return main


def status_of(main: Callable) -> int:
    with pytest.raises(SystemExit) as left:
        console.run(main)
    return left.value.code


def test_a_users_error_is_one_paragraph_and_status_2(capsys: pytest.CaptureFixture) -> None:
    assert status_of(leave(DataError('no masks in a/. Put them there.'))) == 2
    assert capsys.readouterr().err == 'error: no masks in a/. Put them there.\n'


def test_a_workers_traceback_is_taken_off() -> None:
    wrapped = ('Caught DataError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n'
               '  File "x.py"\nirstd_toolbox.errors.DataError: a.png is broken.\n')
    assert console.plain(wrapped) == 'a.png is broken.'


@pytest.mark.parametrize(('registry', 'known'), [(TEXT_PRIOR_PROVIDERS, 'quadrant'), (MODELS, 'IRSTDSegmentor')])
def test_an_unknown_name_lists_the_known_ones(registry: object, known: str, capsys: pytest.CaptureFixture) -> None:
    assert status_of(lambda: registry.build(dict(type='Opneai'))) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: 'Opneai' is not a registered {registry.name}. Registered: ")
    assert known in said


def test_an_unknown_name_met_by_the_engine_lists_the_known_ones(capsys: pytest.CaptureFixture) -> None:
    from mmengine.registry import MODELS as ROOT
    from mmengine.registry import DefaultScope
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        assert status_of(lambda: ROOT.build(dict(type='LGNot'))) == 2
    assert "'LGNot' is not a registered model. Registered: " in capsys.readouterr().err


@pytest.mark.parametrize(('error', 'words'), [
    (MemoryError(), 'MemoryError. End what else runs there'),
    (RuntimeError('CUDA error: out of memory. CUDA kernel errors might be'), 'CUDA error: out of memory. End what')])
def test_a_full_memory_is_no_defect(error: Exception, words: str, capsys: pytest.CaptureFixture) -> None:
    assert status_of(leave(error)) == 2
    assert f'error: The memory does not hold what was to be computed: {words}' in capsys.readouterr().err


def test_a_package_that_a_visualizers_backend_lacks_is_named(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', None)
    backend = VISBACKENDS.build(dict(type='TensorboardVisBackend', save_dir=str(tmp_path)))
    assert status_of(lambda: backend.add_scalar('a', 1.0)) == 2
    assert 'Install it: pip install future tensorboard; or leave out what needs it.' in capsys.readouterr().err


class KilledData(torch.utils.data.Dataset):
    """Ends the process that loads it, as a system without memory does."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_the_system_ends_is_no_defect(capsys: pytest.CaptureFixture) -> None:
    assert status_of(lambda: list(torch.utils.data.DataLoader(KilledData(), num_workers=1))) == 2
    said = capsys.readouterr().err
    assert 'error: A process that loads images was ended from outside: DataLoader worker (pid' in said
    assert 'train_dataloader.num_workers=0.' in said


@pytest.mark.parametrize(('argument', 'words'), [
    (dict(prior=7), 'prior=7 is no share of pixels'),
    (dict(piror=0.1), "unexpected keyword argument 'piror'. (Did .*[?] )?Compare the config with the arguments of")])
def test_a_wrong_argument_is_the_callers_error(argument: dict, words: str, capsys: pytest.CaptureFixture) -> None:
    assert status_of(lambda: MODELS.build(dict(type='GatedOutputHead', **argument))) == 2
    assert re.search(words, capsys.readouterr().err)


class Unprintable:
    def __repr__(self) -> str:
        raise ValueError('half made')


@pytest.mark.parametrize(('registry', 'config', 'words'), [
    (MODELS, dict(type='DenseNestedNeck', in_channels=(16, 32), blocks=2),
     "DenseNestedNeck cannot be made with in_channels=(16, 32), blocks=2: TypeError: object of type 'int' has no len() "
     '(dnanet.py, line '),
    (BACKBONES, dict(type='UNetEncoder', in_channels=-1),
     'UNetEncoder cannot be made with in_channels=-1: RuntimeError: '),
    (OPTIMIZERS, dict(type='Adan', params=[], lr='high'), "build_adan cannot be made with params=[], lr='high': "),
    (VISUALIZERS, dict(type='IRSTDVisualizer', name='one', vis_backends=3),
     "IRSTDVisualizer cannot be made with name='one', vis_backends=3: TypeError: "),
    (MODELS, dict(type='DenseNestedNeck', in_channels=3, blocks=Unprintable()), 'in_channels=3, blocks=<Unprintable '),
])
def test_a_value_that_a_constructor_cannot_use_is_the_callers_error(
        registry: object, config: dict, words: str, capsys: pytest.CaptureFixture) -> None:
    assert status_of(lambda: registry.build(config)) == 2
    said = capsys.readouterr().err
    assert words in said and said.count('\n') == 1 and '. Compare the config with the arguments of ' in said


def test_parts_of_a_model_that_do_not_fit_are_the_callers_error(capsys: pytest.CaptureFixture) -> None:
    model = MODELS.build(dict(
        type='IRSTDSegmentor', backbone=dict(type='UNetEncoder', widths=(4, 8), in_channels=3),
        neck=dict(type='UNetDecoder', in_channels=(4, 9)), decode_head=dict(type='LogitHead', in_channels=4)))
    assert status_of(lambda: model.logit_maps(torch.zeros(1, 3, 8, 8), None)) == 2
    said = capsys.readouterr().err
    assert said.startswith('error: IRSTDSegmentor > UNetDecoder') and 'to have 9 channels, but got 8 channels' in said
    assert said.endswith('compare their in_channels and widths, and the number of maps between them.\n')


def test_parts_of_another_number_of_maps_are_the_callers_error(capsys: pytest.CaptureFixture) -> None:
    model = MODELS.build(dict(
        type='IRSTDSegmentor', backbone=dict(type='UNetEncoder', widths=(4, 8, 16), in_channels=3),
        neck=dict(type='ACMFPNNeck', in_channels=(4, 8)), decode_head=dict(type='LogitHead', in_channels=4)))
    assert status_of(lambda: model.logit_maps(torch.zeros(1, 3, 8, 8), None)) == 2
    said = capsys.readouterr().err
    assert said.startswith('error: IRSTDSegmentor > ACM') and 'gives another number of maps than the next one' in said
    assert console.explain(ValueError('zip() argument 2 is shorter than argument 1')) is None  # not of a model's parts


def test_an_argument_of_what_takes_none_is_the_callers_error(capsys: pytest.CaptureFixture) -> None:
    assert status_of(lambda: TRANSFORMS.build(dict(type='LoadTargetMask', size=9))) == 2
    assert ('LoadTargetMask() takes no arguments. Compare the config with the arguments of LoadTargetMask.'
            in capsys.readouterr().err)


def test_a_component_that_is_no_dict_is_the_callers_error(capsys: pytest.CaptureFixture) -> None:
    assert status_of(lambda: MODELS.build("[{'type':'BCELoss'}]")) == 2
    assert 'A component of the config is no dict with a type' in capsys.readouterr().err


@pytest.mark.parametrize('number', [
    errno.EACCES, errno.ENOSPC, errno.EROFS, errno.ENOTDIR, errno.EDQUOT, errno.ENAMETOOLONG,
    errno.EPERM])
def test_a_file_that_cannot_be_written_is_one_paragraph(number: int, capsys: pytest.CaptureFixture) -> None:
    assert status_of(leave(OSError(number, os.strerror(number), 'ro/x.json'))) == 2
    assert capsys.readouterr().err == (
        f'error: ro/x.json: {os.strerror(number)}. Name another place, or put this one right.\n')


@pytest.mark.parametrize(('given', 'told'), [
    (('a.tif', None, 'new/a.tif'), 'new/a.tif: Full. Name another place, or put this one right.'),
    ((), 'What was to be written does not fit: Full. Make room there, or name another place.')])
def test_a_full_disk_is_told_by_the_file_that_was_to_be_written(given: tuple, told: str) -> None:
    assert console.explain(OSError(errno.ENOSPC, 'Full', *given)) == told


def test_a_process_whose_peer_has_ended_leaves_the_word_to_it(capsys: pytest.CaptureFixture) -> None:
    error = RuntimeError('[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:545] Connection closed by peer')
    assert status_of(leave(error)) == 2
    assert capsys.readouterr().err == (
        'error: Another process of this run has ended, for which this one waited. Its own message says why.\n')


@pytest.mark.parametrize('error', [OSError(errno.EACCES, 'denied'), OSError(errno.EIO, 'broken', 'x.json')])
def test_another_error_of_the_system_keeps_its_traceback(error: OSError) -> None:
    with pytest.raises(OSError):
        console.run(leave(error))


def test_a_module_that_a_plugin_misses_is_one_paragraph(capsys: pytest.CaptureFixture) -> None:
    assert status_of(lambda: __import__('not_there_sdk.part')) == 2
    assert capsys.readouterr().err == (
        "error: The module 'not_there_sdk' is not installed, which a plugin or config asks for. Install what holds "
        'it.\n')


def test_a_module_of_ours_that_is_missing_is_a_defect() -> None:
    with pytest.raises(ModuleNotFoundError):
        console.run(lambda: __import__('irstd_toolbox.not_there'))


def test_what_pillow_warns_of_a_damaged_tiff_is_left_to_the_error() -> None:
    with warnings.catch_warnings(record=True) as told, pytest.raises(SystemExit):
        console.run(lambda: warnings.warn('Corrupt EXIF data.  Expecting to read 2 bytes', stacklevel=1))
    assert not told


@pytest.mark.parametrize(('own', 'then'), [('', 'SILENT'), ('INFO', 'INFO')])
def test_what_opencv_logs_of_a_damaged_file_is_left_to_the_error_unless_the_caller_asks_for_it(
        monkeypatch: pytest.MonkeyPatch, own: str, then: str) -> None:
    monkeypatch.setenv('OPENCV_LOG_LEVEL', own)
    if not own:
        del os.environ['OPENCV_LOG_LEVEL']
    assert status_of(lambda: 0) == 0 and os.environ['OPENCV_LOG_LEVEL'] == then


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        console.run(lambda: 1 / 0)


def test_ctrl_c_ends_with_130(capsys: pytest.CaptureFixture) -> None:
    assert status_of(leave(KeyboardInterrupt())) == 130
    assert 'interrupted' in capsys.readouterr().err


def test_a_tools_own_status_is_kept() -> None:
    assert status_of(lambda: 3) == 3


def test_a_name_too_long_is_told_of_the_file_itself(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    name = 'n' * 250 + '.json'
    assert status_of(lambda: write_atomically(tmp_path / name, b'')) == 2
    assert f'{tmp_path / name}: File name too long. Name another place' in capsys.readouterr().err
