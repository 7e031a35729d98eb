"""What a run finds of an earlier one: finished, killed at any moment, edited by hand, or asked something else."""

import hashlib
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.vlm import session
from irstd_toolbox.text_priors.vlm.annotate import annotate
from irstd_toolbox.text_priors.vlm.cache import AnswerCache
from irstd_toolbox.text_priors.vlm.images import prepare_array
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.prompts import Question
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, Usage, VisionLanguageProvider

IDS = ['XDU0', 'XDU1']


class Counting(VisionLanguageProvider):
    """Answers with its model's name, and keeps count in a file, which outlives a process that is killed."""

    remote = False

    def __init__(self, ledger: Path, model: str = 'fake') -> None:
        self.ledger, self.model = ledger, model

    def identity(self) -> dict[str, Any]:
        return {'provider': 'counting', 'model': self.model}

    async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
        with open(self.ledger, 'a') as file:
            file.write(f'{image.image_id}\n')
        return Answer(words(image.image_id, self.model), self.model, f'{self.model}-1', 'stop', Usage(10, 5))


def words(image_id: str, model: str = 'fake') -> str:
    return f'The small target of {image_id} is at the left, says {model}.'


def prepare(image_id: str) -> PreparedImage:
    return prepare_array(np.full((4, 4), int(hashlib.sha256(image_id.encode()).hexdigest()[:2], 16)), image_id)


class Place:
    """A folder of descriptions, runs in it, and what they asked."""

    def __init__(self, root: Path) -> None:
        self.folder, self.ledger = root / 'descriptions', root / 'ledger'
        root.mkdir(exist_ok=True)
        self.ledger.touch()

    def run(self, ids: list[str] = IDS, model: str = 'fake', **options: Any) -> Any:
        provider = Counting(self.ledger, model)
        return annotate(ids, self.folder, provider, prepare, limits=Limits(concurrency=1), **options)

    @property
    def asked(self) -> list[str]:
        return self.ledger.read_text().split()

    def texts(self) -> dict[str, str]:
        return {path.name.removesuffix('.description.txt'): path.read_text() for path in self.folder.glob('*.txt')}

    def right(self, ids: list[str] = IDS, model: str = 'fake') -> bool:
        return self.texts() == {image_id: words(image_id, model) + '\n' for image_id in ids}

    def cached(self) -> set[str]:
        cache = AnswerCache(session.run_dir(self.folder) / 'cache')
        identity = Counting(self.ledger).identity()
        return {image_id for image_id in IDS
                if cache.get(cache.key(identity, Question().prompt(prepare(image_id)), prepare(image_id)))}

    def runs(self) -> list[dict]:
        return store.read_provenance(self.folder)['runs']

    def edit(self, image_id: str, text: str) -> None:
        store.find_description(self.folder, image_id).write_text(text)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_second_run_asks_nothing_and_changes_nothing(place):
    place.run()
    before = (place.folder / 'provenance.json').read_bytes()
    report = place.run()
    assert report.exit_code == 0 and report.kept == IDS and place.asked == IDS
    assert (place.folder / 'provenance.json').read_bytes() == before


def test_a_description_that_was_removed_comes_back_from_the_cache(place):
    place.run()
    store.find_description(place.folder, 'XDU0').unlink()
    report = place.run()
    assert place.right() and report.from_cache == ['XDU0'] and report.calls == 0 and place.asked == IDS


def test_a_description_edited_by_hand_stays_unless_told(place):
    place.run()
    place.edit('XDU0', 'Edited by hand.\n')
    place.run()
    assert place.texts()['XDU0'] == 'Edited by hand.\n'
    report = place.run(overwrite=True)
    assert place.right() and place.asked == IDS and (report.written, report.kept) == (['XDU0'], ['XDU1'])


def test_a_description_edited_while_its_answer_was_under_way_stays(place):
    place.run()
    place.edit('XDU0', 'Edited once.\n')
    class Editing(Counting):
        async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
            if image.image_id == 'XDU0':
                place.edit('XDU0', 'Edited twice.\n')
            return await super().ask(image, prompt)
    report = annotate(IDS, place.folder, Editing(place.ledger, 'other'), prepare, overwrite=True)
    assert place.texts() == {'XDU0': 'Edited twice.\n', 'XDU1': words('XDU1', 'other') + '\n'}
    assert report.kept == ['XDU0'] and report.written == ['XDU1']


def test_a_description_that_somebody_writes_meanwhile_is_kept_and_not_paid_for(place):
    class Writing(Counting):
        async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
            store.write_description(place.folder, 'XDU1', 'By hand.')
            return await super().ask(image, prompt)
    report = annotate(IDS, place.folder, Writing(place.ledger), prepare, limits=Limits(concurrency=1))
    assert place.asked == ['XDU0'] and report.kept == ['XDU1'] and place.texts()['XDU1'] == 'By hand.\n'


def test_another_model_changes_nothing_unless_told_and_then_once(place):
    place.run()
    assert place.run(model='other').kept == IDS and place.right()
    report = place.run(model='other', overwrite=True)
    assert place.right(model='other') and sorted(report.written) == IDS and len(place.asked) == 4
    report = place.run(model='other', overwrite=True)
    assert report.kept == IDS and len(place.asked) == 4


def test_another_prompt_is_another_question(place):
    place.run()
    place.run(question=Question('zero_shot'), overwrite=True)
    place.run(question=Question('system', noun='targets'), overwrite=True)
    assert len(place.asked) == 6
    place.run(overwrite=True)
    assert len(place.asked) == 6


def test_a_damaged_answer_in_the_cache_is_asked_for_again(place):
    place.run()
    for path in (session.run_dir(place.folder) / 'cache').rglob('*.json'):
        path.write_text(path.read_text()[:40])
    store.find_description(place.folder, 'XDU0').unlink()
    assert place.run().exit_code == 0 and place.right() and place.asked == [*IDS, 'XDU0']


def test_a_cached_answer_that_is_no_description_is_asked_for_again(place):
    place.run(['XDU0'])
    path, = (session.run_dir(place.folder) / 'cache').rglob('*.json')
    AnswerCache(path.parents[1]).put(path.stem, Answer('I must decline.', 'fake'))  # as another version let pass
    store.find_description(place.folder, 'XDU0').unlink()
    assert place.run(['XDU0']).exit_code == 0 and place.right(['XDU0']) and place.asked == ['XDU0', 'XDU0']


def test_what_was_written_and_not_recorded_is_known_by_the_cached_answer(place):
    place.run()
    log = session.run_dir(place.folder) / 'audit.jsonl'
    log.write_text(''.join(line for line in log.read_text().splitlines(True) if '"event":"written"' not in line))
    report = place.run(overwrite=True)
    assert report.kept == IDS and report.written == [] and '"source":"recovered"' in log.read_text()


def test_a_torn_audit_log_loses_no_description(place):
    place.run()
    log = session.run_dir(place.folder) / 'audit.jsonl'
    log.write_bytes(log.read_bytes()[:-30])
    assert place.run(overwrite=True).exit_code == 0 and place.right() and place.asked == IDS


def test_two_runs_at_a_time_on_one_folder_are_refused(place):
    with session.hold(place.folder), pytest.raises(ConfigError, match='another process annotates'):
        place.run()
    assert place.run().exit_code == 0


def test_a_run_goes_beside_that_of_a_neighbouring_folder_of_descriptions(place):
    with session.hold(place.folder.with_name('others')):
        assert place.run().exit_code == 0
    assert place.right()


def test_what_is_written_into_a_neighbouring_folder_is_not_taken_for_ours(place):
    place.run()
    annotate(IDS, place.folder.with_name('others'), Counting(place.ledger), prepare, Question('zero_shot'))
    assert place.run(overwrite=True).kept == IDS


def test_a_run_that_a_neighbours_batches_keep_out_is_told_so(place):
    words = re.escape(f'or works on batches in {place.folder.parent}. Wait for it, stop it, or give a folder elsewhere')
    with session.hold(place.folder.with_name('others'), batches=True), pytest.raises(ConfigError, match=words):
        place.run()


def test_a_file_name_that_could_not_be_written_is_refused_before_anything_is_asked(place):
    with pytest.raises(ConfigError, match=r"suffix '\.desc\.txt'; expected one of \.description\.txt"):
        place.run(suffix='.desc.txt')
    assert place.asked == [] and not place.folder.exists()


def test_images_that_a_batch_is_to_answer_for_are_left_to_it(place, monkeypatch):
    monkeypatch.setattr('irstd_toolbox.text_priors.vlm.annotate.pending_images', lambda *_: {'XDU0': 'shard1'})
    report = place.run()
    assert report.pending == {'XDU0': 'shard1'} and place.asked == ['XDU1'] and report.exit_code == 3


def test_the_record_says_who_wrote_with_which_words(place):
    place.run(record={'provider': 'counting', 'split': 'trainval'})
    run, = place.runs()
    assert run['provider'] == 'counting' and run['identity'] == {'provider': 'counting', 'model': 'fake'}
    assert run['answered_by'] == {'fake-1': 2} and run['requests'] == 2
    assert run['tokens'] == {'input_tokens': 20, 'output_tokens': 10}
    assert run['prompt']['system'].startswith('You are an expert') and len(run['prompt']['sha256']) == 64
    assert run['counts']['written'] == 2 and run['counts']['rejected'] == 0
    assert run['toolbox_version'] and run['started'] <= run['finished'] and run['leakage'] is False
    assert store.read_provenance(place.folder)['uses_ground_truth'] is False


def test_the_record_of_runs_of_which_nothing_is_left_goes(place):
    place.run()
    place.run(model='other', overwrite=True)
    assert [run['identity']['model'] for run in place.runs()] == ['other']
    place.run(ids=[*IDS, 'XDU2'])
    assert [run['identity']['model'] for run in place.runs()] == ['other', 'fake']


def test_an_offline_record_stays_as_long_as_a_text_may_stem_from_it(place):
    store.write_description(place.folder, 'XDU0', 'From the mask.')
    store.write_provenance(place.folder, {'uses_ground_truth': True, 'runs': [{'uses_ground_truth': True}]})
    place.run()
    assert store.read_provenance(place.folder)['uses_ground_truth'] is True and len(place.runs()) == 2
    place.run(overwrite=True)
    assert store.read_provenance(place.folder)['uses_ground_truth'] is False and place.right()


def kill_before(step: int, act: Callable[[], None]) -> bool:
    """Run ``act`` in a child that is killed before its ``step``-th write, sync or rename; whether it was."""
    child = os.fork()
    if child == 0:
        done = 0

        def counted(real: Callable) -> Callable:
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal done
                done += 1
                if done == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **kwargs)
            return call
        try:
            for name in ('write', 'fsync', 'replace'):
                setattr(os, name, counted(getattr(os, name)))
            act()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs fork')
@pytest.mark.parametrize('before', ['nothing', 'another model'])
def test_killed_before_any_step_it_goes_on_and_pays_for_no_answer_twice_that_was_kept(tmp_path, before):
    killed = 0
    for step in range(1, 200):
        place = Place(tmp_path / str(step))
        if before == 'another model':
            place.run(model='older')
        start, overwrite = len(place.asked), before == 'another model'
        if not kill_before(step, lambda place=place, overwrite=overwrite: place.run(overwrite=overwrite)):
            break
        killed += 1
        texts = place.texts()
        assert all(text in (words(name) + '\n', words(name, 'older') + '\n') for name, text in texts.items()), step
        kept, asked = place.cached(), place.asked[start:]
        assert place.run(overwrite=overwrite).exit_code == 0 and place.right(), step
        again = place.asked[start + len(asked):]
        assert sorted({*asked, *again}) == IDS and not kept & set(again), step
        assert len(set(asked) - kept) <= 1, step
        events = list(map(json.loads, (session.run_dir(place.folder) / 'audit.jsonl').read_text().splitlines()))
        assert events[-1]['event'] == 'run_finished' or not again, step
        written = [event['run'] for event in events if event['event'] == 'written' and event['source'] != 'recovered']
        assert all(written.count(run['run']) == run['counts']['written'] == sum(run['answered_by'].values())
                   for run in place.runs()), step
    assert killed > 20
