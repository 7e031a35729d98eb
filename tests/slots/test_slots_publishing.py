"""Published checkpoints load like those of a training, and say where they come from."""

import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.training.checkpoint import file_sha256, load_weights, read_checkpoint
from irstd_toolbox.training.publishing import publish
from irstd_toolbox.training.weights_only import FreshOptimizerHook, halved, small_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """The checkpoint of one layer after one step of Adagrad."""
    model = nn.Linear(3, 2)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    path = tmp_path / 'best.pth'
    torch.save(dict(state_dict=model.state_dict(), optimizer=optimizer.state_dict(), meta=dict(
        epoch=3, iter=9, seed=7, irstd_toolbox=dict(selection=dict(on='holdout')))), path)
    return path


def test_a_published_checkpoint_loads_bit_for_bit(checkpoint: Path, tmp_path: Path) -> None:
    publish(checkpoint, tmp_path / 'out.safetensors')
    model = nn.Linear(3, 2)
    load_weights(model, tmp_path / 'out.safetensors')
    assert torch.equal(model.weight, read_checkpoint(checkpoint)['state_dict']['weight'])


def test_a_published_checkpoint_keeps_its_origin(checkpoint: Path, tmp_path: Path) -> None:
    about = publish(checkpoint, tmp_path / 'out.safetensors', half=True)
    assert read_checkpoint(tmp_path / 'out.safetensors')['meta'] == dict(
        epoch=3, iter=9, seed=7, irstd_toolbox=dict(selection=dict(on='holdout'), precision='half'),
        source_sha256=file_sha256(checkpoint), precision='half')
    assert about == json.loads((tmp_path / 'out.json').read_text())
    assert about['sha256'] == file_sha256(tmp_path / 'out.safetensors')


@pytest.mark.parametrize('largest', [1.0, 70000.0])
def test_weights_that_are_half_already_are_published_as_such(checkpoint: Path, tmp_path: Path, largest: float) -> None:
    content = torch.load(checkpoint)
    content['state_dict'] = halved(dict(content['state_dict'], bias=torch.full((2,), largest)))
    torch.save(content, checkpoint)
    about = publish(checkpoint, tmp_path / 'out.safetensors')
    assert about['precision'] == 'half'
    assert read_checkpoint(tmp_path / 'out.safetensors')['meta']['irstd_toolbox'] == dict(
        selection=dict(on='holdout'), precision='half')


def test_weights_of_single_precision_are_published_as_such(checkpoint: Path, tmp_path: Path) -> None:
    assert publish(checkpoint, tmp_path / 'out.safetensors')['precision'] == 'single'
    assert 'precision' not in read_checkpoint(tmp_path / 'out.safetensors')['meta']['irstd_toolbox']


def test_half_precision_rounds_the_weights_once(checkpoint: Path, tmp_path: Path) -> None:
    publish(checkpoint, tmp_path / 'out.safetensors', half=True)
    model = nn.Linear(3, 2)
    load_weights(model, tmp_path / 'out.safetensors')
    assert torch.equal(model.weight, read_checkpoint(checkpoint)['state_dict']['weight'].half().float())


def test_another_ending_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match='ends in .safetensors'):
        publish(checkpoint, tmp_path / 'out.pth')


@pytest.mark.parametrize('value', [torch.eye(2).to_sparse(), torch.ones(2, dtype=torch.complex128)])
def test_what_the_format_does_not_take_is_refused(tmp_path: Path, value: torch.Tensor) -> None:
    torch.save(dict(a=value), tmp_path / 'odd.pth')
    with pytest.raises(CheckpointError, match='odd.pth: a is no dense tensor of real numbers'):
        publish(tmp_path / 'odd.pth', tmp_path / 'out.safetensors', half=True)


def test_a_checkpoint_without_weights_is_refused(tmp_path: Path) -> None:
    torch.save(dict(state_dict={}, meta={}), tmp_path / 'empty.pth')
    with pytest.raises(CheckpointError, match='holds no weights'):
        publish(tmp_path / 'empty.pth', tmp_path / 'out.safetensors')


def test_numbers_that_another_program_notes_are_plain_ones(checkpoint: Path, tmp_path: Path) -> None:
    content = dict(torch.load(checkpoint), meta=dict(epoch=np.int64(3), iter=torch.tensor(9)))
    torch.save(content, checkpoint)
    publish(checkpoint, tmp_path / 'out.safetensors')
    assert read_checkpoint(tmp_path / 'out.safetensors')['meta'] == dict(
        epoch=3, iter=9, source_sha256=file_sha256(checkpoint), precision='single')
    torch.save(dict(content, meta=dict(epoch=float('nan'))), checkpoint)
    with pytest.raises(CheckpointError, match='cannot be written as JSON'):
        publish(checkpoint, tmp_path / 'other.safetensors')
    assert not (tmp_path / 'other.safetensors').exists()


def test_a_document_that_cannot_be_written_is_told_before_the_weights_are(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / 'out.json').mkdir()
    with pytest.raises(ConfigError, match='out.json is a folder'):
        publish(checkpoint, tmp_path / 'out.safetensors')
    assert not (tmp_path / 'out.safetensors').exists()


def test_weights_are_not_published_onto_themselves(checkpoint: Path, tmp_path: Path) -> None:
    own = tmp_path / 'out.safetensors'
    publish(checkpoint, own)
    before = own.read_bytes(), (tmp_path / 'out.json').read_bytes()
    with pytest.raises(ConfigError, match='out.safetensors is the checkpoint itself; a file beside it is expected'):
        publish(own, tmp_path / '.' / 'out.safetensors', half=True)
    assert (own.read_bytes(), (tmp_path / 'out.json').read_bytes()) == before


@pytest.mark.parametrize('text', ['{"protocols": {}}', '[1', '3'])
def test_a_document_of_another_kind_stays(checkpoint: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / 'results.json').write_text(text)
    with pytest.raises(ConfigError, match='results.json is not of published weights and would be written over'):
        publish(checkpoint, tmp_path / 'results.safetensors')
    assert (tmp_path / 'results.json').read_text() == text and not (tmp_path / 'results.safetensors').exists()


def test_published_weights_can_be_published_again(checkpoint: Path, tmp_path: Path) -> None:
    first, again = (publish(checkpoint, tmp_path / 'out.safetensors', half=half) for half in (False, True))
    assert (first['precision'], again['precision']) == ('single', 'half')
    assert json.loads((tmp_path / 'out.json').read_text()) == again


def test_a_value_that_would_become_infinite_stays_in_single_precision() -> None:
    assert halved(torch.tensor([70000.0])).dtype == torch.float32
    assert halved(torch.tensor([65000.0])).dtype == torch.float16


def test_an_optimizer_that_has_a_state_from_the_beginning_gets_a_fresh_one(checkpoint: Path) -> None:
    stream = io.BytesIO(small_checkpoint(read_checkpoint(checkpoint)))
    small = torch.load(stream, weights_only=True)
    fresh = {0: dict(sum=torch.zeros(2, 3)), 1: dict(sum=torch.zeros(2))}
    runner = SimpleNamespace(optim_wrapper=SimpleNamespace(
        state_dict=lambda: dict(state=fresh, param_groups=[dict(lr=0.5)])))
    assert small['optimizer']['state'] == {}
    FreshOptimizerHook().after_load_checkpoint(runner, small)
    assert small['optimizer']['state'] is fresh
    assert small['optimizer']['param_groups'][0]['lr'] == 0.1


def test_averaged_weights_are_halved_and_several_optimizers_begin_anew() -> None:
    states = {name: dict(state={0: dict(sum=torch.ones(1))}, param_groups=[dict(lr=lr)]) for name, lr in
              (('first', 0.1), ('second', 0.2))}
    small = torch.load(io.BytesIO(small_checkpoint(dict(
        state_dict=dict(a=torch.ones(1)), ema_state_dict=dict(a=torch.ones(1)), optimizer=states, meta={}))))
    assert {small[part]['a'].dtype for part in ('state_dict', 'ema_state_dict')} == {torch.float16}
    assert small['optimizer'] == {name: dict(one, state={}) for name, one in states.items()}
    fresh = {name: dict(state=f'fresh {name}', param_groups=[]) for name in states}
    FreshOptimizerHook().after_load_checkpoint(SimpleNamespace(optim_wrapper=SimpleNamespace(
        state_dict=lambda: fresh)), small)
    assert small['optimizer'] == {name: dict(one, state=f'fresh {name}') for name, one in states.items()}


def test_later_checkpoints_say_that_training_went_on_from_weights_alone() -> None:
    later = dict(meta=dict(irstd_toolbox=dict(version='1')))
    FreshOptimizerHook().before_save_checkpoint(None, later)
    assert later['meta']['irstd_toolbox'] == dict(version='1', resumed='weights only')
