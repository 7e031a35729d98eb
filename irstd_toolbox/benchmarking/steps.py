"""The steps of a benchmark: making data, describing, training, testing, measuring, comparing lists, scoring again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..errors import CheckpointError
from ..evaluation.files import write_atomically
from ..evaluation.protocols import resolve as resolve_protocols
from ..training.checkpoint import file_sha256, find_checkpoint, read_checkpoint
from ..training.stamp import stamp_of
from .configs import data_of, list_digest, named_files, plain, tested_list, write_config
from .jobs import Job, key_of, read_record
from .launching import Launch
from .leaks import lists_of, open_list

__all__ = ['Compare', 'Cost', 'Describe', 'Given', 'Rescore', 'Synthesize', 'Test', 'Train', 'Weights']

WORKER = 'irstd_toolbox.benchmarking.worker'


class Synthesize(Job):
    """Make a data set of synthetic scenes."""

    def __init__(self, title: str, folder: Path, root: Path, words: Sequence[str]) -> None:
        super().__init__(title, folder)
        self.root, self.words = root, list(words)

    def inputs(self) -> dict[str, Any]:
        return dict(words=self.words)

    def command(self, launch: Launch, continued: bool) -> list[str]:
        return launch.tool('synthesize.py', self.root, *self.words, plugins=False, here=True)

    def result(self) -> dict[str, Any]:
        return {}

    def intact(self) -> bool:
        return self.root.is_dir()


class Describe(Job):
    """Describe the images of a list; descriptions that exist are kept."""

    def __init__(self, title: str, folder: Path, after: Sequence[Job], config: Config, loader: str, place: Path,
                 words: Sequence[str]) -> None:
        super().__init__(title, folder, after)
        self.config, self.loader, self.place, self.words = config, loader, place, list(words)

    def inputs(self) -> dict[str, Any]:
        return dict(words=self.words, lists=[dict(one, images=_ids(one)) for one in self._lists()])

    def _lists(self) -> list[dict[str, Any]]:
        return lists_of(data_of(self.config, self.loader))[:1]

    def command(self, launch: Launch, continued: bool) -> list[str]:
        told = self._lists()[0]
        named = ['--dataset', told['name']] if told['name'] else []
        return launch.tool('annotate.py', told['data_root'], '--split', told['split'], *named, *self.words, '--out',
                           self.place, here=True)

    def result(self) -> dict[str, Any]:
        return {}

    def intact(self) -> bool:
        return self.place.is_dir()


def _ids(told: dict[str, Any]) -> str:
    return key_of(open_list(told)[1])


def _with_files(config: dict[str, Any], /, **inputs: Any) -> dict[str, Any]:
    """The inputs of a job, and what the files hold that its config names, if it names any."""
    files = named_files(config)
    return dict(inputs, files=files) if files else inputs


class Train(Job):
    """Train one config on one data set with one seed; goes on from the last checkpoint after a kill."""

    def __init__(self, title: str, folder: Path, after: Sequence[Job], config: Config, seed: int, processes: int,
                 on_test: bool) -> None:
        super().__init__(title, folder, after)
        self.config, self.seed, self.processes, self.on_test = config, seed, processes, on_test

    def inputs(self) -> dict[str, Any]:
        apart = () if self.on_test else ('test_',)
        kept = {key: value for key, value in plain(self.config).items() if not key.startswith(('work_dir', *apart))}
        chosen = 'test_dataloader' if self.on_test else 'val_dataloader'
        loaders = ['train_dataloader', *([chosen] if self.config.get(chosen) else [])]
        return _with_files(kept, config=kept, seed=self.seed, processes=self.processes, select_on_test=self.on_test,
                           data={loader: list_digest(self.config, loader) for loader in loaders})

    def command(self, launch: Launch, continued: bool) -> list[str]:
        path = self.folder / f'{Path(self.config.filename).stem}.py'
        write_config(self.config, path)
        return launch.training(path, '--work-dir', self.folder / 'run', '--seed', self.seed,
                               *(['--resume'] if continued else []), *(['--select-on-test'] if self.on_test else []))

    def result(self) -> dict[str, Any]:
        run = self.folder / 'run'
        try:
            best = find_checkpoint(run, 'best')
        except CheckpointError:
            best = find_checkpoint(run, 'last')
        last = read_checkpoint(find_checkpoint(run, 'last'))['meta']
        return dict(checkpoint=str(best.relative_to(self.folder)), sha256=file_sha256(best),
                    chosen=best.stem.startswith('best'), iterations=last.get('iter'), epochs=last.get('epoch'))

    @property
    def checkpoint(self) -> Path:
        """The weights to test."""
        return self.folder / self.outcome['checkpoint']

    def intact(self) -> bool:
        return (self.folder / self.outcome.get('checkpoint', 'none')).is_file()


class Weights(Job):
    """A checkpoint that was given, in the place of a training; nothing runs."""

    def __init__(self, title: str, path: Path) -> None:
        super().__init__(title, path.parent)
        meta = read_checkpoint(path)['meta']
        self.checkpoint, self.seed, self.state = path, meta.get('seed', stamp_of(meta).get('seed')), 'done'
        self.outcome = dict(sha256=file_sha256(path), chosen=True, iterations=meta.get('iter'))


class Test(Job):
    """Test weights, or a method without any, on one list."""

    __test__ = False  # no test of this program, whatever pytest takes the name for

    def __init__(self, title: str, folder: Path, after: Sequence[Job], config: Config, trained: Train | Weights | None,
                 protocols: Sequence[str]) -> None:
        super().__init__(title, folder, (*after, *([trained] if trained else [])))
        self.config, self.trained, self.protocols = config, trained, list(protocols)

    def inputs(self) -> dict[str, Any]:
        read = ('model', 'test_dataloader', 'test_evaluator')
        kept = {key: value for key, value in plain(self.config).items() if key in read}
        return _with_files(kept, config=kept, checkpoint=self.trained and self.trained.outcome['sha256'],
                           protocols=_rules(self.protocols), data=list_digest(self.config, 'test_dataloader'))

    def look(self, inputs: dict[str, Any]) -> tuple[str, str]:
        """As every job; a test by these and further protocols holds, too."""
        made = (read_record(self.folder) or {}).get('inputs', {}).get('protocols', {})
        if inputs['protocols'].items() < made.items() and super().look(dict(inputs, protocols=made))[0] == 'done':
            return 'done', ''
        return super().look(inputs)

    def command(self, launch: Launch, continued: bool) -> list[str]:
        path = self.folder / f'{Path(self.config.filename).stem}.py'
        write_config(self.config, path)
        weights = [self.trained.checkpoint] if self.trained else []
        return launch.tool('test.py', path, *weights, '--out', self.folder, '--protocol', *self.protocols)

    def result(self) -> dict[str, Any]:
        return {}

    def intact(self) -> bool:
        return _is_scored(self.folder)


def _is_scored(folder: Path) -> bool:
    """Whether a folder holds predictions and their results; these are read, as the reports will."""
    results = json.loads((folder / 'results.json').read_text(encoding='utf-8'))
    return isinstance(results['fingerprint'], dict) and (folder / 'predictions').is_dir()


def _rules(protocols: Sequence[str]) -> dict[str, str]:
    return {one.name: one.fingerprint() for one in resolve_protocols(protocols)}


class _Worker(Job):
    """A step of :mod:`.worker`, in a process of its own."""

    step, here, plugged = '', True, True  # here: needs no GPU, so it runs on this machine

    def task(self) -> dict[str, Any]:
        """The arguments of the step."""
        raise NotImplementedError

    def command(self, launch: Launch, continued: bool) -> list[str]:
        task = dict(self.task(), step=self.step)
        if self.plugged:
            task['plugins'] = list(launch.plugins)
        write_atomically(self.folder / 'task.json', json.dumps(task).encode())
        return launch.module(WORKER, self.folder / 'task.json', self.folder / 'result.json', here=self.here)

    def result(self) -> dict[str, Any]:
        return json.loads((self.folder / 'result.json').read_text(encoding='utf-8'))


class Given(_Worker):
    """Score the predictions of a test that was made elsewhere, and take over what else its results say."""

    step = 'rescore'

    def __init__(self, title: str, folder: Path, after: Sequence[Job], config: Config, place: Path,
                 protocols: Sequence[str]) -> None:
        super().__init__(title, folder, after)
        self.config, self.place, self.protocols = config, place, list(protocols)
        self.trained = self  # its weights are known by its results alone

    def inputs(self) -> dict[str, Any]:
        files = sorted(path for path in (self.place / 'predictions').rglob('*') if path.is_file())
        return dict(test={path.relative_to(self.place).as_posix(): file_sha256(path)
                          for path in [self.place / 'results.json', *files]},
                    protocols=_rules(self.protocols), data=list_digest(self.config, 'test_dataloader'))

    def task(self) -> dict[str, Any]:
        return dict(test=str(self.place), out=str(self.folder), tested=tested_list(self.config), without=[],
                    protocols=self.protocols)

    def intact(self) -> bool:
        return _is_scored(self.folder)


class Cost(_Worker):
    """Measure what a model costs."""

    step, here = 'cost', False

    def __init__(self, title: str, folder: Path, config: Config, size: int, repeats: int) -> None:
        super().__init__(title, folder)
        self.config, self.options = config, dict(size=size, repeats=repeats)

    def inputs(self) -> dict[str, Any]:
        model = plain(self.config)['model']
        return _with_files(dict(model=model), model=model, **self.options)

    def task(self) -> dict[str, Any]:
        path = self.folder / f'{Path(self.config.filename).stem}.py'
        write_config(self.config, path)
        return dict(config=str(path), **self.options)


class Compare(_Worker):
    """Look for images of a test list in training lists."""

    step, plugged = 'leaks', False

    def __init__(self, title: str, folder: Path, after: Sequence[Job], trained: Sequence[dict], tested: dict) -> None:
        super().__init__(title, folder, after)
        self.trained, self.tested = list(trained), tested

    def inputs(self) -> dict[str, Any]:
        return dict(self.task(), ids=[_ids(one) for one in [*self.trained, self.tested]])

    def task(self) -> dict[str, Any]:
        return dict(trained=self.trained, tested=self.tested)


class Rescore(_Worker):
    """Score a test again without the images that its training list holds; nothing to do where there are none."""

    step = 'rescore'

    def __init__(self, title: str, folder: Path, test: Test | Given, leaks: Compare) -> None:
        super().__init__(title, folder, (test, leaks))
        self.test, self.leaks = test, leaks

    @property
    def idle(self) -> bool:
        """Whether there is no leak, so that there is nothing to score."""
        return not self.leaks.outcome['leaked']

    def inputs(self) -> dict[str, Any]:
        return dict(test=self.test.key, without=self.leaks.outcome['leaked'])

    def task(self) -> dict[str, Any]:
        return dict(test=str(self.test.folder), out=str(self.folder), tested=self.leaks.tested,
                    without=self.leaks.outcome['leaked'], protocols=self.test.protocols)

    def intact(self) -> bool:
        """Also whether every protocol is there: that of the test may hold since a run by fewer than it was made by."""
        if not self.outcome.get('images'):
            return True
        made = json.loads((self.folder / 'results.json').read_text(encoding='utf-8'))['protocols']
        return {*self.test.protocols} <= {*made}
