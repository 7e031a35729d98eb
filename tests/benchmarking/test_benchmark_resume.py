"""What kill -9 leaves: a training that goes on from its last checkpoint, a lock that is gone."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from irstd_toolbox.benchmarking.configs import resolve
from irstd_toolbox.benchmarking.jobs import Job, key_of, last_error, read_record
from irstd_toolbox.benchmarking.launching import Launch
from irstd_toolbox.benchmarking.runner import locked, run_jobs
from irstd_toolbox.benchmarking.steps import Compare, Cost, Rescore, Test, Train
from irstd_toolbox.benchmarking.suite import Entry
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.evaluation.differences import differences
from irstd_toolbox.training.checkpoint import file_sha256


def train(network: Path, folder: Path, epochs: int) -> Train:
    config = resolve(Entry(network, 'N', options={'train_cfg.max_epochs': epochs}), {})
    return Train('train N', folder / 'job', [], config, 0, 1, False)


def kill_when(path: Path, job: Job, launch: Launch, out: Path) -> None:
    """Run a job in a process group of its own, and kill all of the group when ``path`` is there."""
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        try:
            run_jobs([job], launch, [{}], out, lambda *_: None)
        finally:
            os._exit(0)
    until = time.monotonic() + 300
    while not path.exists() and time.monotonic() < until and not os.waitpid(child, os.WNOHANG)[0]:
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_training_that_was_killed_goes_on_from_its_last_checkpoint(network, tmp_path):
    # So many epochs that the kill comes before the end, and so small ones that the rest takes no time.
    kill_when(tmp_path / 'job' / 'run' / 'epoch_2.pth', train(network, tmp_path, 12), Launch(), tmp_path)
    assert read_record(tmp_path / 'job')['state'] == 'started'
    told, again = [], train(network, tmp_path, 12)
    run_jobs([again], Launch(), [{}], tmp_path, lambda job, what: told.append(what))
    assert told == ['continued', 'done'], again.error
    assert again.outcome['epochs'] == 12 and 'resuming from' in (tmp_path / 'job' / 'log.txt').read_text()


def test_after_a_kill_the_same_job_is_continued_and_another_one_begins_anew(network, tools, tmp_path, calls):
    network.write_text(network.read_text() + "\nslow = 'SLOW'\n")
    kill_when(tmp_path / 'job' / 'run' / 'begun', train(network, tmp_path, 2), Launch(tools=tools), tmp_path)
    calls()
    other = train(network, tmp_path, 3)
    assert other.look(other.inputs())[0] == 'stale'
    same = train(network, tmp_path, 2)
    run_jobs([same], Launch(tools=tools), [{}], tmp_path, lambda *_: None)
    assert same.state == 'done' and '--resume' in calls()[0]


def test_a_test_by_more_protocols_than_are_asked_for_holds(network, tmp_path):
    def test(*protocols: str) -> Test:
        return Test('test N', tmp_path / 'job', [], resolve(Entry(network, 'N'), {}), None, protocols)
    made = test('canonical', 'lgnet')
    made.look(made.inputs())
    made.begin('new', made.inputs())
    made.write('done', made.inputs())
    assert test('canonical').look(made.inputs())[0] == 'continued'  # its predictions are gone
    (tmp_path / 'job' / 'predictions').mkdir()
    (tmp_path / 'job' / 'results.json').write_text('{')
    assert test('canonical').look(made.inputs())[0] == 'continued'  # and its results are damaged
    (tmp_path / 'job' / 'results.json').write_text('{"fingerprint": {}}')
    for protocols, verdict in ((['lgnet'], 'done'), (['lgnet', 'canonical'], 'done'),
                               (['lgnet', 'basicirstd'], 'stale')):
        asked = test(*protocols)
        assert asked.look(asked.inputs())[0] == verdict, protocols
    other = test('canonical')
    assert other.look(dict(other.inputs(), checkpoint='another'))[0] == 'stale'


def test_a_list_without_leaks_is_scored_anew_by_a_protocol_that_it_lacks(network, tmp_path):
    # A test by both protocols held for a run by one, which scored that list by the one alone.
    test = Test('test N', tmp_path / 'test', [], resolve(Entry(network, 'N'), {}), None, ['canonical', 'lgnet'])
    leaks = Compare('look', tmp_path / 'leaks', [], [], {})
    test.look(test.inputs())
    leaks.outcome = dict(leaked=['a4'], images=2)
    job = Rescore('again', tmp_path / 'again', test, leaks)
    job.look(job.inputs())
    job.begin('new', job.inputs())
    job.outcome = dict(images=1)
    job.write('done', job.inputs())
    for made, verdict in ((None, 'continued'), (['canonical'], 'continued'), (['lgnet', 'canonical', 'acm'], 'done')):
        if made:
            (tmp_path / 'again' / 'results.json').write_text(json.dumps(dict(protocols=dict.fromkeys(made))))
        assert job.look(job.inputs())[0] == verdict, made


@pytest.mark.parametrize(('kind', 'key'), [
    (Train, 'load_from'), (Train, 'model.encoder.pretrained'), (Test, 'model.threshold'), (Cost, 'model.threshold')])
def test_what_a_file_holds_that_the_config_names_is_part_of_the_hash(network, tmp_path, kind, key):
    path = tmp_path / 'named'
    network.write_text(f'{network.read_text()}\nload_from = None\n')
    config = resolve(Entry(network, 'N'), {})

    def inputs() -> dict:
        more = dict(Train=(0, 1, False), Test=(None, ['canonical']), Cost=(64, 1))[kind.__name__]
        return kind('N', tmp_path / 'job', *([] if kind is Cost else [()]), config, *more).inputs()
    before = inputs()
    config.merge_from_dict({key: str(path)})
    found = [inputs()]
    for content in (b'one', b'three'):
        path.write_bytes(content)
        found.append(inputs())
    assert 'files' not in before and 'files' not in found[0]
    assert found[2]['files'] == {key: file_sha256(path)}
    path.unlink()
    for names in (['a'], ['a', 'b/c']):  # a folder, as transformers' models are
        (path / names[-1]).parent.mkdir(parents=True)
        (path / names[-1]).write_bytes(b'three')
        found.append(inputs())
        assert list(found[-1]['files']) == [f'{key}/{name}' for name in names]
    assert len({key_of(one) for one in (before, *found)}) == 6


def test_a_folder_that_another_benchmark_holds_is_refused_and_kill_9_frees_it(tmp_path):
    child = os.fork()
    if not child:
        with locked(tmp_path):
            (tmp_path / 'held').write_text('')
            time.sleep(60)
        os._exit(0)
    while not (tmp_path / 'held').exists():
        time.sleep(0.01)
    with pytest.raises(ConfigError, match=f'in use by another benchmark \\(process {child}\\)'), locked(tmp_path):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with locked(tmp_path):
        assert (tmp_path / '.lock').read_text() == str(os.getpid())


class Nothing(Job):
    """Depends on a file in the benchmark's folder, and does nothing."""

    def inputs(self):
        return dict(data=str(self.folder.with_name('data')))

    def command(self, launch, continued):
        return [sys.executable, '-c', 'pass']

    def result(self):
        return {}


def test_what_lies_in_the_folder_may_move_with_it(tmp_path):
    told = []
    for name in ('here', 'there'):
        run_jobs([Nothing('n', tmp_path / name / 'job')], Launch(), [{}], tmp_path / name,
                 lambda job, what: told.append(what))
        if name == 'here':
            (tmp_path / 'here').rename(tmp_path / 'there')
    assert told == ['new', 'done', 'kept']


class Failing(Nothing):
    """Says ``why``, as a tool does or as a program does that nobody caught, or is killed."""

    def __init__(self, folder: Path, why: str, after: tuple = ()) -> None:
        super().__init__('fail', folder, after)
        self.why = why

    def command(self, launch, continued):
        return ['sh', '-c', f'echo "{self.why}"; {"kill -9 $$" if self.why == "killed" else "exit 3"}']


def test_a_failure_is_told_by_its_own_run_and_once_to_all_that_come_after(tmp_path):
    told = []
    for why in ('error: the first', 'KeyError: 7', 'killed'):
        first = Failing(tmp_path / 'job', why)
        second = Failing(tmp_path / 'second', '', (first,))
        third = Failing(tmp_path / 'third', '', (second,))
        run_jobs([first, second, third], Launch(), [{}], tmp_path, lambda *_: None)
        told.append((first.error, second.error, third.error))
    assert told == [(why, *[f'could not fail: {why}'] * 2) for why in (
        'the first', 'KeyError: 7', 'ended by signal 9; before that: killed')]


class TestRecords:

    def test_the_key_does_not_depend_on_the_order_of_its_parts(self):
        assert key_of(dict(a=1, b=[2])) == key_of(dict(b=[2], a=1)) != key_of(dict(a=1, b=[3]))

    def test_what_changed_is_named_by_its_place(self):
        assert differences(dict(a=dict(b=1, c=2)), dict(a=dict(b=1, c=3))) == ['a.c 2 -> 3']

    def test_a_long_value_is_cut(self):
        assert differences(dict(a='x' * 100), dict(a=1)) == [f'a {"x" * 37}... -> 1']

    @pytest.mark.parametrize(('log', 'why'), [
        ('$ python\nerror: no such list\nroot cause follows\n', 'no such list'),
        ('Traceback\n  File\nKeyError: 7\n\n', 'KeyError: 7'), ('', 'no output')])
    def test_the_last_error_of_a_log_says_why(self, log, why):
        assert last_error(log) == why

    @pytest.mark.parametrize('text', ['', '[]', '{"key": "k", "state": "done"}',
                                      '{"key": "k", "state": "done", "inputs": []}'])
    def test_what_is_no_whole_record_is_none(self, tmp_path, text):
        (tmp_path / 'job.json').write_text(text)
        assert read_record(tmp_path) is None

    @pytest.mark.parametrize(('change', 'verdict'), [
        (dict(seconds=2), 'done'), (dict(result=dict(figure=2)), 'continued'), (dict(result=[]), 'continued')])
    def test_a_result_that_was_edited_is_made_anew(self, tmp_path, change, verdict):
        job = Job('j', tmp_path)
        job.look(dict(a=1))
        job.outcome = dict(figure=1)
        job.write('done', dict(a=1))
        record = json.loads((tmp_path / 'job.json').read_text())
        (tmp_path / 'job.json').write_text(json.dumps(record | change))
        assert job.look(dict(a=1)) == (verdict, '')

    def test_a_folder_without_a_record_is_emptied(self, tmp_path):
        (tmp_path / 'job').mkdir()
        (tmp_path / 'job' / 'rest').write_text('of something')
        job = Job('j', tmp_path / 'job')
        verdict, _ = job.look(dict(a=1))
        job.begin(verdict, dict(a=1))
        assert [path.name for path in (tmp_path / 'job').iterdir()] == ['job.json']
