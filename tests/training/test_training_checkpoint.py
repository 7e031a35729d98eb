"""Checkpoints: read safely, fitted strictly."""

import os
import pickle
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader, _load_checkpoint
from safetensors.torch import save_file
from torch import nn

from irstd_toolbox.errors import CheckpointError
from irstd_toolbox.training.checkpoint import (
    check_fits,
    check_resumable,
    file_sha256,
    load_weights,
    read_checkpoint,
)


class _Payload:
    """Pickles to a call that leaves a file behind."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple:
        return os.system, (f'touch {self.canary}',)


class _Getattr:
    """Pickles to ``getattr(HistoryBuffer, '__init__')``: the engine's allow-list lets any ``getattr`` through."""

    def __reduce__(self) -> tuple:
        return getattr, (HistoryBuffer, '__init__')


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


@pytest.fixture
def saved(model: nn.Module, tmp_path: Path) -> Path:
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(state_dict=model.state_dict(), meta=dict(epoch=1, seed=3)), path)
    return path


@pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'legacy'])
def test_a_crafted_checkpoint_is_refused_and_does_not_run(tmp_path: Path, legacy: bool) -> None:
    canary, path = tmp_path / 'canary', tmp_path / 'crafted.pth'
    torch.save(dict(state_dict={}, meta={}, extra=_Payload(canary)), path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError, match=r'crafted\.pth is refused: .*system.*could execute code'):
        read_checkpoint(path)
    assert not canary.exists()


def test_a_plain_pickle_is_refused_and_does_not_run(tmp_path: Path) -> None:
    canary, path = tmp_path / 'canary', tmp_path / 'crafted.pth'
    path.write_bytes(pickle.dumps(_Payload(canary), protocol=2))
    with pytest.raises(CheckpointError, match=r'crafted\.pth (is refused|cannot be read)'):
        read_checkpoint(path)
    assert not canary.exists()


def test_no_environment_variable_opens_the_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    canary, path = tmp_path / 'canary', tmp_path / 'crafted.pth'
    torch.save(dict(state_dict=_Payload(canary)), path)
    with pytest.raises(CheckpointError, match='is refused'):
        read_checkpoint(path)
    assert not canary.exists()


def test_the_engines_own_loader_refuses_a_crafted_checkpoint_too(tmp_path: Path) -> None:
    canary, path = tmp_path / 'canary', tmp_path / 'crafted.pth'
    torch.save(dict(state_dict=_Payload(canary)), path)
    with pytest.raises(CheckpointError, match='is refused'):
        _load_checkpoint(str(path), map_location='cpu')
    assert not canary.exists()


def test_getattr_reaches_nothing_but_a_log_historys_statistics(tmp_path: Path) -> None:
    torch.save(dict(state_dict={}, extra=_Getattr()), tmp_path / 'crafted.pth')
    with pytest.raises(CheckpointError, match=r'is refused: .*builtins\.getattr'):
        read_checkpoint(tmp_path / 'crafted.pth')


def test_every_scheme_of_the_engine_ends_in_our_loader() -> None:
    assert set(CheckpointLoader._schemes.values()) == {read_checkpoint}


@pytest.mark.parametrize('url', ['https://example.org/a.pth', 's3://bucket/a.pth', 'torchvision://resnet18'])
def test_only_local_files_are_loaded(url: str) -> None:
    with pytest.raises(CheckpointError, match='only local files are loaded'):
        _load_checkpoint(url)


def test_log_histories_and_numpy_values_are_read(tmp_path: Path) -> None:
    history = HistoryBuffer([1.0, 3.0], [1, 1])
    content = dict(state_dict={}, meta={}, message_hub=dict(log_scalars=dict(loss=history),
                   runtime_info=dict(best=np.float64(0.5), ids=np.arange(3), flag=np.bool_(True), small=np.float32(2))))
    torch.save(content, tmp_path / 'a.pth')
    hub = read_checkpoint(tmp_path / 'a.pth')['message_hub']
    assert hub['log_scalars']['loss'].mean() == 2.0
    assert hub['runtime_info']['best'] == 0.5
    assert hub['runtime_info']['ids'].tolist() == [0, 1, 2]


def test_the_config_text_that_the_engine_would_execute_is_dropped(tmp_path: Path) -> None:
    torch.save(dict(state_dict={}, meta=dict(config='import os', cfg='a = 1')), tmp_path / 'a.pth')
    assert read_checkpoint(tmp_path / 'a.pth')['meta'] == dict(cfg='a = 1')


def test_a_missing_file_names_its_neighbours(saved: Path) -> None:
    with pytest.raises(CheckpointError, match=r'epoch_2\.pth does not exist\. .* holds epoch_1\.pth\.'):
        read_checkpoint(saved.with_name('epoch_2.pth'))


def test_a_folder_is_no_checkpoint_and_names_what_it_holds(saved: Path) -> None:
    with pytest.raises(CheckpointError, match=r'is a folder; .* holds epoch_1\.pth\.'):
        read_checkpoint(saved.parent)


@pytest.mark.parametrize('share', [0.0, 0.3, 0.9])
def test_a_truncated_file_is_reported_as_damaged(saved: Path, share: float) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[:int(share * len(whole))])
    with pytest.raises(CheckpointError, match='damaged, cut off or another kind of file'):
        read_checkpoint(saved)


def test_an_image_is_not_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / 'a.pth').write_bytes(b'\x89PNG\r\n\x1a\n' + bytes(100))
    with pytest.raises(CheckpointError, match=r'as a checkpoint \((?!Weights only load failed).*another kind of file'):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize('name, told', [
    ('bset', 'The present folder holds no checkpoint.'),
    ('configs/a.pth', 'Nor does configs, seen from {}: work where it is, or give the whole path.')])
def test_a_missing_file_is_told_by_the_present_folder(
        name: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=f'^{name} does not exist. {told.format(tmp_path)}$'):
        read_checkpoint(name)


@pytest.mark.parametrize('content', [
    [1, 2], dict(weights=3), dict(state_dict=[1]), dict(loss=torch.zeros(1), net=dict(weight=torch.zeros(1))),
    dict(state_dict=dict(weight=torch.zeros(1), epoch=3))], ids=['list', 'other', 'no dict', 'beside', 'within'])
def test_a_file_without_a_state_dict_says_what_it_holds(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match="'state_dict', or names with their tensors, are expected"):
        read_checkpoint(tmp_path / 'a.pth')


def test_the_prefix_of_a_data_parallel_model_is_removed(model: nn.Module, tmp_path: Path) -> None:
    torch.save({f'module.{key}': value for key, value in model.state_dict().items()}, tmp_path / 'a.pth')
    assert list(read_checkpoint(tmp_path / 'a.pth')['state_dict']) == list(model.state_dict())
    torch.save({'module.a': torch.zeros(1), 'head': torch.zeros(1)}, tmp_path / 'a.pth')  # a part of that name
    assert list(read_checkpoint(tmp_path / 'a.pth')['state_dict']) == ['module.a', 'head']


def test_loaded_weights_are_the_saved_ones(model: nn.Module, saved: Path) -> None:
    other = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    assert load_weights(other, saved)['meta']['epoch'] == 1
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_safetensors_files_are_loaded(model: nn.Module, tmp_path: Path) -> None:
    save_file(model.state_dict(), tmp_path / 'a.safetensors')
    other = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    load_weights(other, tmp_path / 'a.safetensors')
    assert torch.equal(other[0].weight, model[0].weight)


def test_a_note_in_a_safetensors_file_is_an_object(model: nn.Module, tmp_path: Path) -> None:
    save_file(model.state_dict(), tmp_path / 'a.safetensors', {'irstd_toolbox': '[1]'})
    with pytest.raises(CheckpointError, match=r'its note irstd_toolbox is \[1\], no JSON object'):
        read_checkpoint(tmp_path / 'a.safetensors')


def test_a_damaged_safetensors_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / 'a.safetensors').write_bytes(b'nothing')
    with pytest.raises(CheckpointError, match='cannot be read as safetensors'):
        read_checkpoint(tmp_path / 'a.safetensors')


def test_a_checkpoint_that_does_not_fit_names_the_keys(model: nn.Module) -> None:
    weights = dict(model.state_dict())
    del weights['0.bias']
    weights['head.weight'] = torch.zeros(1)
    weights['0.weight'] = torch.zeros(4, 1, 3, 3)
    with pytest.raises(CheckpointError, match=(
            r'1 missing in the file: 0\.bias; 1 unknown to the model: head\.weight; '
            r'1 of another size: 0\.weight \(file \(4, 1, 3, 3\), model \(2, 1, 3, 3\)\)')):
        check_fits(model, weights, 'a.pth')


def test_the_counter_of_batch_normalisation_that_older_files_lack_may_be_absent(model: nn.Module) -> None:
    weights = {key: value for key, value in model.state_dict().items() if key != '1.num_batches_tracked'}
    for weights_only in (False, True):
        check_fits(model, weights, 'a.pth', weights_only)


@pytest.mark.parametrize(('without', 'scheduled', 'lacks'), [
    ([], True, None), (['param_schedulers'], False, None), (['param_schedulers'], True, 'param_schedulers'),
    (['optimizer'], False, 'optimizer'), (['epoch'], True, 'epoch'),
    (['message_hub', 'iter'], True, 'message_hub, iter')])
def test_what_a_resumed_run_needs_is_named(without: list[str], scheduled: bool, lacks: str | None) -> None:
    meta = {key: 1 for key in ('epoch', 'iter') if key not in without}
    content = {key: {} for key in ('optimizer', 'message_hub', 'param_schedulers') if key not in without}
    with pytest.raises(CheckpointError, match=f'it lacks {lacks}\\. Resume') if lacks else nullcontext():
        check_resumable(dict(content, meta=meta), 'a.pth', scheduled=scheduled, averaged=False)


def test_a_checkpoint_that_does_not_fit_changes_nothing(model: nn.Module, saved: Path) -> None:
    other = nn.Sequential(nn.Conv2d(1, 2, 3))
    before = other[0].weight.clone()
    with pytest.raises(CheckpointError, match='4 unknown to the model|5 unknown to the model'):
        load_weights(other, saved)
    assert torch.equal(other[0].weight, before)


def test_of_many_keys_five_and_their_number_are_shown(model: nn.Module) -> None:
    weights = dict(model.state_dict(), **{f'extra.{i}': torch.zeros(1) for i in range(8)})
    with pytest.raises(CheckpointError, match=r'8 unknown to the model: extra\.0, .*extra\.4 and 3 more\.'):
        check_fits(model, weights, 'a.pth')


def test_a_state_that_is_no_tensor_has_to_be_there_unless_the_file_holds_weights_alone() -> None:
    class Stateful(nn.Linear):
        def get_extra_state(self) -> str:
            return 'fingerprint'

        def set_extra_state(self, state: str) -> None:
            self.seen = state

    module = Stateful(1, 1)
    weights = {key: value for key, value in module.state_dict().items() if torch.is_tensor(value)}
    check_fits(module, weights, 'a.safetensors', weights_only=True)
    with pytest.raises(CheckpointError, match='1 missing in the file: _extra_state'):
        check_fits(module, weights, 'a.pth')


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / 'a').write_bytes(b'abc')
    assert file_sha256(tmp_path / 'a') == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
