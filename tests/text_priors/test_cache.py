"""Answers kept by what was asked."""

import json
import re

import numpy as np
import pytest

from irstd_toolbox.text_priors.vlm.cache import AnswerCache
from irstd_toolbox.text_priors.vlm.images import prepare_array
from irstd_toolbox.text_priors.vlm.prompts import render
from irstd_toolbox.text_priors.vlm.types import Answer, Usage

ANSWER = Answer('At the left — über.', 'asked', 'answered', 'stop', Usage(7, 8, None, 9), 'req', 0.5)
IDENTITY = {'provider': 'p', 'model': 'm', 'options': {'detail': 'high'}}


def image(level: int = 1):
    return prepare_array(np.full((3, 3), level), 'a')


def test_an_answer_comes_back_as_it_was_put(tmp_path):
    AnswerCache(tmp_path).put('ab' * 32, ANSWER)
    assert AnswerCache(tmp_path).get('ab' * 32) == ANSWER
    assert AnswerCache(tmp_path).get('cd' * 32) is None
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*.*')] == [f'ab/{"ab" * 32}.json']


def test_the_key_depends_on_all_that_can_change_the_answer_and_on_nothing_else():
    base = AnswerCache.key(IDENTITY, render(), image())
    assert re.fullmatch('[0-9a-f]{64}', base)
    assert base == AnswerCache.key(dict(reversed(IDENTITY.items())), render(), prepare_array(np.full((3, 3), 1), 'b'))
    others = [AnswerCache.key(IDENTITY | {'model': 'n'}, render(), image()),
              AnswerCache.key(IDENTITY | {'options': {'detail': 'low'}}, render(), image()),
              AnswerCache.key(IDENTITY, render('zero_shot'), image()), AnswerCache.key(IDENTITY, render(), image(2))]
    assert len({base, *others}) == 5


@pytest.mark.parametrize('damage', [
    lambda text: '', lambda text: text[:len(text) // 2], lambda text: '[]', lambda text: 'null',
    lambda text: text.replace('At the left', 'At the right'), lambda text: text.replace('"stop"', '"halt"'),
    lambda text: text.replace('"key": "ab', '"key": "cd'), lambda text: json.dumps({'key': 'ab' * 32}),
    lambda text: '\udcff' + text])
def test_a_damaged_entry_is_a_miss_and_is_replaced(tmp_path, damage):
    cache = AnswerCache(tmp_path)
    cache.put('ab' * 32, ANSWER)
    path, = tmp_path.rglob('*.json')
    path.write_text(damage(path.read_text('utf-8')), 'utf-8', 'surrogateescape')
    assert cache.get('ab' * 32) is None
    cache.put('ab' * 32, ANSWER)
    assert cache.get('ab' * 32) == ANSWER


def test_a_write_that_fails_leaves_no_half_entry(tmp_path, monkeypatch):
    cache = AnswerCache(tmp_path)
    cache.put('ab' * 32, ANSWER)
    monkeypatch.setattr('os.fsync', lambda descriptor: (_ for _ in ()).throw(OSError(28, 'No space left on device')))
    with pytest.raises(OSError, match='No space left'):
        cache.put('ab' * 32, Answer('Another.', 'm'))
    assert cache.get('ab' * 32) == ANSWER and len(list(tmp_path.rglob('*.*'))) == 1


def test_the_entry_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr('os.fsync', lambda descriptor: steps.append('fsync'))
    monkeypatch.setattr('os.replace', lambda source, target: steps.append('replace'))
    AnswerCache(tmp_path).put('ab' * 32, ANSWER)
    assert steps == ['fsync', 'replace']
