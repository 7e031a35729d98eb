"""Guards: nan in the loss, collapse to background, crashes while saving, foreign checkpoints."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.fileio import LocalBackend
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from irstd_toolbox import allocator
from irstd_toolbox.errors import CheckpointError, ConfigError, DataError, UserError
from irstd_toolbox.training.checkpoint import read_checkpoint
from irstd_toolbox.training.hooks import CollapseGuardHook, NaNGuardHook
from irstd_toolbox.training.runner import IRSTDRunner


def test_a_nan_loss_stops_training_and_says_where(make: Callable, toy: SimpleNamespace) -> None:
    runner = make(toy.Model(nan_at=3), hooks=(dict(type='NaNGuardHook'),), loader=toy.loader(shuffle=False))
    with pytest.raises(UserError, match=(r'at iteration 3 \(epoch 1\): .*loss_a = nan\. Images of the batch: image_4, '
                                         r'image_5\. .*learning rate')):
        runner.train()


@pytest.mark.parametrize('value', ['nan', 'inf', '-inf'])
def test_the_advice_for_several_optimizers_names_them(value: str) -> None:
    wrappers = {name: OptimWrapper(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)) for name in 'ab'}
    runner = SimpleNamespace(iter=0, epoch=0, optim_wrapper=OptimWrapperDict(**wrappers))
    with pytest.raises(UserError, match=(r'optim_wrapper\.NAME\.optimizer\.lr=\.\.\.; NAME is one of a, b\), .*'
                                         r'optim_wrapper\.NAME\.clip_grad\.max_norm=1')):
        NaNGuardHook().after_train_iter(runner, 0, outputs=dict(loss=torch.tensor(float(value))))


def test_a_nan_loss_leaves_the_earlier_checkpoints_alone(make: Callable, toy: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match='iteration 6'):
        make(toy.Model(nan_at=6), hooks=(dict(type='NaNGuardHook'),)).train()
    assert sorted(path.name for path in (tmp_path / 'work').glob('*.pth')) == ['epoch_1.pth']
    assert all(torch.isfinite(value).all() for value in
               read_checkpoint(tmp_path / 'work' / 'epoch_1.pth')['state_dict'].values())


@pytest.mark.parametrize('error', [
    MemoryError(), torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.'),
    RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`')])
@pytest.mark.parametrize(('mode', 'batch', 'words'), [
    ('loss', 4, 'a training step of 4 images. Train with --cfg-options train_dataloader.batch_size=2, with mixed'),
    ('loss', 1, 'a training step. Train with smaller images, with mixed precision, --amp'),
    ('predict', 4, 'what validation computes on an image. Train with smaller images, with mixed'),
    ('windows', 4, 'what validation computes on an image. Train with --cfg-options model.windows.size=256')])
def test_a_full_memory_is_a_message(make: Callable, toy: SimpleNamespace, monkeypatch: pytest.MonkeyPatch,
                                    error: Exception, mode: str, batch: int, words: str) -> None:
    forward = toy.Model.forward

    def fill(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs['mode'] == mode or kwargs['mode'] == 'predict' and mode == 'windows':
            raise error
        return forward(self, *args, **kwargs)
    monkeypatch.setattr(toy.Model, 'forward', fill)
    if mode == 'windows':
        monkeypatch.setattr(toy.Model, 'windows', None, raising=False)
    with pytest.raises(DataError, match=f'The memory of cpu does not hold {words}'):
        make(loader=toy.loader(batch=batch)).train()


def test_a_memory_full_before_the_first_step_is_not_told_of_a_step(make: Callable, toy: SimpleNamespace) -> None:
    built = []

    def fill() -> None:
        built.append(1)
        raise MemoryError
    runner = make(loader=dict(toy.loader(), dataset=dict(type=fill)))
    with pytest.raises(MemoryError):
        runner.train()
    assert len(built) == 1


def test_a_step_of_a_batch_sampler_has_no_number_of_images(make: Callable, toy: SimpleNamespace,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    runner = make()
    monkeypatch.setattr(IRSTDRunner, 'train_dataloader', SimpleNamespace(batch_size=None))
    assert 'does not hold a training step. Train with smaller images' in runner._of_memory()


@pytest.mark.parametrize('keeps', [False, True])
def test_of_a_process_that_keeps_memory_the_way_back_is_told(
        keeps: bool, make: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, '_done', [keeps])
    assert ('--amp, with IRSTD_KEEP_FREED_MEMORY=0 in the environment, or on' in make()._of_memory()) is keeps


def test_another_failure_stays_what_it_is(make: Callable, toy: SimpleNamespace,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy.Model, 'forward', lambda *_, **__: torch.ones(2) + torch.ones(3))
    with pytest.raises(RuntimeError, match='must match the size of tensor'):
        make().train()


def _log(runner: IRSTDRunner) -> str:
    return Path(runner.log_dir, f'{runner.timestamp}.log').read_text()


def test_predicting_background_everywhere_is_noticed_after_the_patience(make: Callable, toy: SimpleNamespace) -> None:
    runner = make(toy.Model(bias=-1.0), hooks=(dict(type='CollapseGuardHook', patience=2),), epochs=3)
    runner.train()
    for count in (2, 3):
        assert f'The last {count} validations predicted background everywhere' in _log(runner)
    assert _log(runner).count('Check that the masks') == 1


def test_a_prediction_in_between_starts_the_count_anew() -> None:
    hook, said, shares = CollapseGuardHook(patience=2), [], []
    runner = SimpleNamespace(
        logger=SimpleNamespace(warning=lambda text: said.append((len(shares), text[:22]))),
        message_hub=SimpleNamespace(update_scalar=lambda name, share: shares.append(share)))
    for found in (0, 1, 0, 0, 2, 0, 0):
        hook.before_val_epoch(runner)
        for pixels in (found, 0):
            mask = torch.zeros(1, 2, 2)
            mask[0, 0, :pixels] = 1
            hook.after_val_iter(runner, 0, outputs=[SegDataSample(pred_sem_seg=PixelData(data=mask))])
        hook.after_val_epoch(runner)
    assert shares == [0, 1 / 8, 0, 0, 2 / 8, 0, 0]
    assert said == [(4, 'The last 2 validations'), (7, 'The last 2 validations')]


def test_a_patience_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r'patience=0\): at least 1'):
        CollapseGuardHook(patience=0)


def test_the_outdated_checkpoint_goes_only_after_its_successor_came(make: Callable, tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    runner = make(checkpoint=dict(max_keep_ckpts=1), validate=False)
    seen = []
    save = IRSTDRunner.save_checkpoint

    def watch(self: IRSTDRunner, *args: Any, **kwargs: Any) -> None:
        seen.append(sorted(path.name for path in (tmp_path / 'work').glob('*.pth')))
        save(self, *args, **kwargs)
    monkeypatch.setattr(IRSTDRunner, 'save_checkpoint', watch)
    runner.train()
    assert seen == [[], ['epoch_1.pth']]
    assert [path.name for path in (tmp_path / 'work').glob('*.pth')] == ['epoch_2.pth']


def test_a_kill_while_saving_leaves_the_old_checkpoint_and_no_half(make: Callable, tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    runner = make(checkpoint=dict(max_keep_ckpts=1), validate=False)
    put = LocalBackend.put

    def broken(self: LocalBackend, content: bytes, path: str) -> None:
        if 'epoch_2' in path:
            put(self, content[:len(content) // 2], path)
            raise KeyboardInterrupt
        put(self, content, path)
    monkeypatch.setattr(LocalBackend, 'put', broken)
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert [path.name for path in (tmp_path / 'work').glob('[!.]*.pth')] == ['epoch_1.pth']


@pytest.mark.parametrize('second, chosen', [(0.4, 1), (0.5, 2), (0.6, 2)])
def test_best_pth_is_the_best_checkpoint_and_of_equals_the_latest_after_a_resume_too(
        second: float, chosen: int, make: Callable, tmp_path: Path) -> None:
    best = dict(save_best='irstd/IoU', rule='greater')
    make(checkpoint=best, epochs=1).train()
    runner = make(checkpoint=best, epochs=2, resume=True, load_from=str(tmp_path / 'work' / 'epoch_1.pth'))
    runner.val_loop.evaluator.metrics[0].scores = (second,)
    runner.train()
    names = {path.name for path in (tmp_path / 'work').iterdir() if 'best' in path.name}
    assert names == {'best.pth', f'best_irstd_IoU_epoch_{chosen}.pth'}
    assert read_checkpoint(tmp_path / 'work' / 'best.pth')['meta']['epoch'] == chosen


def test_the_path_of_a_best_checkpoint_elsewhere_is_never_deleted(make: Callable, tmp_path: Path) -> None:
    mine = tmp_path / 'mine.txt'
    mine.write_text('precious')
    best = dict(save_best='irstd/IoU', rule='greater')
    make(checkpoint=best, epochs=1).train()
    crafted = read_checkpoint(tmp_path / 'work' / 'epoch_1.pth')
    crafted['message_hub']['runtime_info'].update(best_ckpt=str(mine), best_score=0.1)
    torch.save(crafted, tmp_path / 'crafted.pth')
    make(checkpoint=best, epochs=2, work_dir='again', resume=True, load_from=str(tmp_path / 'crafted.pth')).train()
    assert mine.read_text() == 'precious'
    assert (tmp_path / 'again' / 'best_irstd_IoU_epoch_2.pth').is_file()


def test_a_run_resumed_in_another_folder_has_a_best_checkpoint_of_its_own(make: Callable, tmp_path: Path) -> None:
    best = dict(save_best='irstd/IoU', rule='greater')
    make(checkpoint=best, epochs=1).train()
    runner = make(checkpoint=best, epochs=2, work_dir='again', resume=True,
                  load_from=str(tmp_path / 'work' / 'epoch_1.pth'))
    runner.val_loop.evaluator.metrics[0].scores = (0.4,)
    runner.train()
    assert {path.name for path in (tmp_path / 'again').glob('best*')} == {'best.pth', 'best_irstd_IoU_epoch_2.pth'}
    assert runner.message_hub.get_info('best_score') == 0.4


def test_a_best_checkpoint_in_a_folder_of_its_own_is_found_again(make: Callable, tmp_path: Path) -> None:
    best = dict(save_best='irstd/IoU', rule='greater', out_dir=str(tmp_path / 'out'))
    make(checkpoint=best, epochs=1).train()
    runner = make(checkpoint=best, epochs=2, resume=True, load_from=str(tmp_path / 'out' / 'work' / 'epoch_1.pth'))
    runner.val_loop.evaluator.metrics[0].scores = (0.4,)
    runner.train()
    assert [path.name for path in (tmp_path / 'out' / 'work').glob('best_*')] == ['best_irstd_IoU_epoch_1.pth']


def test_the_validation_that_a_kill_came_before_is_made_up_for(make: Callable, tmp_path: Path) -> None:
    best = dict(save_best='irstd/IoU', rule='greater')
    runner = make(checkpoint=best, epochs=2)
    runner.register_hook(_StopBeforeValidation())
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert not list((tmp_path / 'work').glob('best_*'))
    make(checkpoint=best, epochs=1, resume=True, load_from=str(tmp_path / 'work' / 'epoch_1.pth')).train()
    assert [path.name for path in (tmp_path / 'work').glob('best_*')] == ['best_irstd_IoU_epoch_1.pth']


def test_a_validation_made_up_for_is_told_the_epoch_that_it_follows(make: Callable, tmp_path: Path) -> None:
    hubs, watch = [], _EpochsOfValidations()
    for epochs, done, interval in ((1, None, 1), (2, 1, 1), (2, 2, 3)):  # of the last epoch at any interval
        runner = make(epochs=epochs, **dict(
            resume=True, load_from=str(tmp_path / 'work' / f'epoch_{done}.pth')) if done else {})
        runner.train_loop.val_interval = interval
        runner.register_hook(watch)
        runner.train()
        hubs.append(list(watch.seen))
    assert hubs == [[0], [0, 0, 1], [0, 0, 1, 1]]
    assert watch.training == [0, 1]


class _EpochsOfValidations(Hook):
    """What the message hub says, which warm-ups read."""

    def __init__(self) -> None:
        self.seen, self.training = [], []

    def before_train_epoch(self, runner: IRSTDRunner) -> None:
        self.training.append(runner.message_hub.get_info('epoch'))

    def before_val(self, runner: IRSTDRunner) -> None:
        self.seen.append(runner.message_hub.get_info('epoch'))


class _StopBeforeValidation(Hook):
    def before_val(self, runner: IRSTDRunner) -> None:
        raise KeyboardInterrupt


def test_an_unknown_figure_to_choose_by_lists_those_there_are(make: Callable) -> None:
    with pytest.raises(ConfigError, match=r"'irstd/mIoU' is no figure of the validation\. There are irstd/IoU"):
        make(checkpoint=dict(save_best='irstd/mIoU', rule='greater')).train()


def test_starting_from_weights_that_do_not_fit_is_refused(make: Callable, tmp_path: Path) -> None:
    torch.save(dict(state_dict={'layer.weight': torch.zeros(2, 2)}), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'1 missing in the file: layer\.bias; 1 of another size: layer\.weight'):
        make(load_from=str(tmp_path / 'a.pth')).train()


def test_resuming_from_weights_alone_is_refused(make: Callable, toy: SimpleNamespace, tmp_path: Path) -> None:
    torch.save(toy.Model().state_dict(), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match='cannot be resumed from: it lacks optimizer, message_hub'):
        make(load_from=str(tmp_path / 'a.pth'), resume=True).train()


def test_resuming_averaged_weights_without_averaging_is_refused(make: Callable, tmp_path: Path) -> None:
    make(hooks=(dict(type='EMAHook'),), epochs=1).train()
    with pytest.raises(CheckpointError, match='averaged weights'):
        make(load_from=str(tmp_path / 'work' / 'epoch_1.pth'), resume=True).train()


def test_a_checkpoint_of_averaged_weights_holds_them_as_its_weights(make: Callable, tmp_path: Path) -> None:
    runner = make(hooks=(dict(type='EMAHook', momentum=0.5),), epochs=1, validate=False)
    runner.train()
    checkpoint = read_checkpoint(tmp_path / 'work' / 'epoch_1.pth')
    trained = runner.model.layer.weight
    assert not torch.equal(checkpoint['state_dict']['layer.weight'], trained)
    assert torch.equal(checkpoint['ema_state_dict']['module.layer.weight'], trained)


def test_a_crafted_checkpoint_is_refused_when_resuming(make: Callable, tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple:
            return os.system, (f'touch {tmp_path / "canary"}',)
    make(epochs=1).train()
    content = read_checkpoint(tmp_path / 'work' / 'epoch_1.pth')
    torch.save(dict(content, extra=Payload()), tmp_path / 'crafted.pth')
    for resume in (True, False):
        with pytest.raises(CheckpointError, match='is refused'):
            make(load_from=str(tmp_path / 'crafted.pth'), resume=resume).train()
    assert not (tmp_path / 'canary').exists()
