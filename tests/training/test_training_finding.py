"""Checkpoints found again: after a move, a crash or a kill, the last one and the best."""

import os
from pathlib import Path

import pytest
import torch

from irstd_toolbox.errors import CheckpointError
from irstd_toolbox.training.checkpoint import find_checkpoint, resolve_resume


def _write(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        torch.save(dict(state_dict={'a': torch.zeros(1)}), folder / name)


@pytest.mark.parametrize('noted', ['/gone/old/epoch_2.pth', 'C:\\runs\\old\\epoch_2.pth\n'])
def test_resuming_survives_a_move_of_the_work_folder(tmp_path: Path, noted: str) -> None:
    _write(tmp_path / 'old', 'epoch_2.pth', 'epoch_10.pth')
    (tmp_path / 'old' / 'last_checkpoint').write_text(noted)
    (tmp_path / 'old').rename(tmp_path / 'new')
    assert resolve_resume(tmp_path / 'new') == tmp_path / 'new' / 'epoch_2.pth'


@pytest.mark.parametrize('unit', ['epoch', 'iter'])
def test_without_a_note_the_highest_number_is_resumed(tmp_path: Path, unit: str) -> None:
    _write(tmp_path, f'{unit}_9.pth', f'{unit}_10.pth', f'best_irstd_IoU_{unit}_11.pth')
    assert resolve_resume(tmp_path).name == f'{unit}_10.pth'


def test_a_checkpoint_cut_off_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    _write(tmp_path, 'epoch_1.pth', 'epoch_2.pth')
    whole = (tmp_path / 'epoch_2.pth').read_bytes()
    (tmp_path / 'epoch_2.pth').write_bytes(whole[:len(whole) // 2])
    (tmp_path / 'last_checkpoint').write_text('/gone/epoch_2.pth')
    assert resolve_resume(tmp_path).name == 'epoch_1.pth'


def test_an_empty_folder_has_nothing_to_resume(tmp_path: Path) -> None:
    assert resolve_resume(tmp_path) is None
    assert resolve_resume(tmp_path / 'missing') is None


def test_last_and_best_are_found_by_name(tmp_path: Path) -> None:
    _write(tmp_path, 'epoch_4.pth', 'best_irstd_IoU_epoch_2.pth')
    assert find_checkpoint(tmp_path, 'last').name == 'epoch_4.pth'
    assert find_checkpoint(tmp_path, 'best').name == 'best_irstd_IoU_epoch_2.pth'


def test_a_kill_between_two_best_checkpoints_leaves_the_former_under_its_lasting_name(tmp_path: Path) -> None:
    _write(tmp_path, 'epoch_4.pth', 'best.pth')
    assert find_checkpoint(tmp_path, 'best').name == 'best.pth'
    (tmp_path / 'best_irstd_IoU_epoch_2.pth').write_bytes((tmp_path / 'best.pth').read_bytes()[:20])
    assert find_checkpoint(tmp_path, 'best').name == 'best.pth'


def test_of_the_best_by_two_metrics_none_is_chosen(tmp_path: Path) -> None:
    _write(tmp_path, 'best_irstd_IoU_epoch_2.pth', 'best_irstd_Fa_epoch_4.pth', 'best_irstd_IoU_epoch_3.pth')
    with pytest.raises(CheckpointError, match=r'by 2 metrics: .*best_irstd_Fa_epoch_4\.pth.*Give the path of one'):
        find_checkpoint(tmp_path, 'best')
    (tmp_path / 'best_irstd_Fa_epoch_4.pth').unlink()
    for newest in (2, 3):  # what a kill left of the former best
        for epoch in (2, 3):
            os.utime(tmp_path / f'best_irstd_IoU_epoch_{epoch}.pth', (epoch == newest,) * 2)
        assert find_checkpoint(tmp_path, 'best').name == f'best_irstd_IoU_epoch_{newest}.pth'


def test_without_a_best_checkpoint_the_others_are_named(tmp_path: Path) -> None:
    _write(tmp_path, 'epoch_4.pth')
    with pytest.raises(CheckpointError, match=r'holds no best checkpoint\. .* holds epoch_4\.pth\.'):
        find_checkpoint(tmp_path, 'best')
