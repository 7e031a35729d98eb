"""What a checkpoint says of how it came about."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.dataset import RepeatDataset

from irstd_toolbox.training.checkpoint import read_checkpoint
from irstd_toolbox.training.stamp import git_commit, listed_as, stamp_of


def test_the_stamp_says_how_the_checkpoint_was_chosen(make: Callable, tmp_path: Path) -> None:
    make(hooks=(dict(type='StampHook'),), checkpoint=dict(save_best='irstd/IoU', rule='greater'), epochs=1).train()
    stamp = stamp_of(read_checkpoint(tmp_path / 'work' / 'epoch_1.pth')['meta'])
    assert stamp['selection'] == dict(on='holdout', metric='irstd/IoU', protocol=None, images=8)
    assert stamp['seed'] == 5
    assert stamp['version']


def test_the_stamp_says_what_it_and_the_weights_it_began_with_were_trained_on(
        make: Callable, toy: SimpleNamespace, tmp_path: Path) -> None:
    inner = toy.loader()['dataset']
    inner.split = 'elsewhere'
    stamp = (dict(type='StampHook'),)

    def trained(work_dir: str, **options: Any) -> tuple[list, list]:
        make(hooks=stamp, epochs=1, work_dir=work_dir, **options).train()
        kept = stamp_of(read_checkpoint(tmp_path / work_dir / 'epoch_1.pth')['meta'])
        return kept['trained_on'], kept['trained_before']
    own = dict(dataset='ToyData', split='trainval', images=8)
    others = dict(own, split='elsewhere')
    first = str(tmp_path / 'first' / 'epoch_1.pth')
    assert trained('first') == ([own], [])
    assert trained('again', load_from=first) == ([own], [])
    elsewhere = dict(toy.loader(), dataset=RepeatDataset(inner, 3))
    assert trained('moved', load_from=first, loader=elsewhere) == ([others], [own])
    assert trained('back', load_from=str(tmp_path / 'moved' / 'epoch_1.pth')) == ([own], [others])
    content = read_checkpoint(first)
    del content['meta']['irstd_toolbox']
    torch.save(content, tmp_path / 'foreign.pth')
    assert trained('on', load_from=str(tmp_path / 'foreign.pth')) == ([own], [dict(weights='foreign.pth')])


def test_a_run_without_validation_is_stamped_so(make: Callable, tmp_path: Path) -> None:
    make(hooks=(dict(type='StampHook'),), validate=False, epochs=1).train()
    stamp = stamp_of(read_checkpoint(tmp_path / 'work' / 'epoch_1.pth')['meta'])
    assert stamp['selection']['on'] == 'none'


@pytest.mark.parametrize('split, kind', [('test', 'test'), ('idx_320/test', 'test'), ('lists/test.txt', 'test'),
                                         ('val', 'val')])
def test_a_test_list_is_known_by_its_name(split: str, kind: str) -> None:
    class Listed:
        holdout, part = 0.0, 'fit'
    Listed.split = split
    assert listed_as(Listed()) == kind


def test_foreign_meta_has_no_stamp() -> None:
    assert stamp_of({}) == stamp_of(dict(irstd_toolbox='text')) == {}


def test_the_commit_of_the_checkout_is_known_or_none() -> None:
    commit = git_commit()
    assert commit is None or len(commit) == 40
