"""What every verb is given: the data set's images, where the descriptions are, whom to ask and how to print."""

import argparse
import ast
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from rich.console import Console
from rich.progress import Progress, TaskID

from irstd_toolbox.errors import ConfigError, DataError, UserError
from irstd_toolbox.text_priors import Scene, TextPriorProvider, store
from irstd_toolbox.text_priors.vlm.cost import Prices
from irstd_toolbox.text_priors.vlm.images import prepare_file
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.prompts import Question, order_examples
from irstd_toolbox.text_priors.vlm.types import PreparedImage, Shot, VisionLanguageProvider

__all__ = ['Shown', 'Work', 'listed', 'parse_options']

SHOWN = 10
_SPARE = 3
"""Examples beyond those shown, for images that are examples themselves."""


@dataclass
class Work:
    """A data set and what is asked of it.

    Args:
        args: The tool's arguments.
        dataset: The data set's name.
        ids: The images of the split.
        test_ids: Those of ``ids`` that the data set tests on.
        images: Id to file.
        masks: Id to file; an id without one is not in it.
        folder: Of the descriptions.
        read: Maps an image file to ``(H, W)`` on 0..255.
        load_mask: Gives the mask of an id at the size of its image; None where there is none.
        splits: Split to its ids, for tables.
        train_ids: Ids that examples of a prompt may be taken from; none is tested on.
        provider: Whom to ask; None for verbs that ask nobody.
        options: The provider's options as recorded.
        prices: Of tokens.
    """

    args: argparse.Namespace
    dataset: str
    ids: tuple[str, ...]
    test_ids: list[str]
    images: Mapping[str, Path]
    masks: Mapping[str, Path]
    folder: Path
    read: Callable[[Path], np.ndarray]
    load_mask: Callable[[str], np.ndarray | None]
    splits: Mapping[str, tuple[str, ...]]
    train_ids: Callable[[], list[str]]
    provider: TextPriorProvider | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    prices: Prices | None = None

    def prepare(self, image_id: str) -> PreparedImage:
        """The image as it is sent."""
        return prepare_file(self.images[image_id], image_id, self.read, self.args.upscale_small)

    def scene(self, image_id: str, with_mask: bool) -> Scene:
        """The image as offline providers are shown it."""
        mask = None
        if with_mask:
            mask = self.load_mask(image_id)
            if mask is None:
                raise DataError(f'{image_id} has no mask, which provider {self.args.provider!r} needs.')
        return Scene(self.read(self.images[image_id]), mask, image_id)

    def model(self) -> VisionLanguageProvider:
        """The provider, if it asks a model.

        Raises:
            ConfigError: If it does not, or does not tell its identity in JSON values.
        """
        if not isinstance(self.provider, VisionLanguageProvider):
            raise ConfigError(f'--do {self.args.do} asks a vision-language model, and provider {self.args.provider!r} '
                              'is none. Choose openai, anthropic, openai_compatible, hf_local, or one of a plugin.')
        try:
            json.dumps({**self.provider.identity()})
        except UserError:
            raise
        except Exception as error:  # a third party's provider
            raise ConfigError(f'a defect of the provider {self.args.provider!r}: identity: {type(error).__name__}: '
                              f'{error}; expected a dict of plain JSON values.') from None
        return self.provider

    def limits(self) -> Limits:
        """Pace and bounds, as told."""
        args = self.args
        if args.max_cost is not None and self.prices is None:
            raise ConfigError("--max-cost needs the prices of a million tokens, which the toolbox does not know: "
                              "--options prices=\"{'input': 2.5, 'output': 10}\".")
        return Limits(args.concurrency, args.attempts, args.max_wait, args.max_cost, args.max_calls)

    def question(self) -> Question:
        """How images are asked about, with examples where the style has them.

        Raises:
            ConfigError: If options do not fit together, or there are too few examples.
        """
        args = self.args
        if args.style != 'few_shot':
            if args.shots is not None or args.shots_from:
                raise ConfigError(f'--shots and --shots-from belong to --style few_shot; the style is {args.style}.')
            return Question(args.style, args.word_limit, args.noun)
        source = args.shots_from and (store.find_folder(args.shots_from) or Path(args.shots_from))
        if not source or source.resolve() == self.folder.resolve():
            raise ConfigError('--style few_shot needs --shots-from DIR, a folder of descriptions of training images '
                              'that is not the one being written (its content would change under way).')
        shots = 2 if args.shots is None else args.shots
        wanted, examples = shots + _SPARE, []
        for image_id in order_examples(self.train_ids()):
            text = store.read_description(source, image_id) if len(examples) < wanted else None
            if text:
                examples.append(Shot(self.prepare(image_id), text))
        return Question('few_shot', args.word_limit, args.noun, tuple(examples), shots)

    def confirm(self, number: int) -> None:
        """Tell where images go, and ask whether they may, unless they stay on this machine.

        Raises:
            ConfigError: If nobody can be asked, or the answer is no.
        """
        provider = self.model()
        if not provider.remote or not number:
            return
        host = urlsplit(str(provider.identity().get('endpoint', ''))).hostname or self.args.provider
        told = f'up to {number} images go to {host}'
        print(told, file=sys.stderr)
        if self.args.yes:
            return
        if not sys.stdin.isatty():
            raise ConfigError(f'{told}, and nobody can be asked whether they may. Give --yes if so.')
        print('Send them? [y/N] ', end='', file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ('y', 'yes'):
            raise ConfigError('nothing was sent.')

    def record(self) -> dict[str, Any]:
        """What the run's record says besides what the run itself knows."""
        prices = self.prices and {'input': self.prices.input, 'output': self.prices.output}
        return {'provider': self.args.provider, 'options': dict(self.options), 'dataset': self.dataset,
                'split': self.args.split, 'leakage': False, 'test_images': len(self.test_ids), 'prices': prices}

    def show(self, lines: str, values: Mapping[str, Any]) -> None:
        """Print the result: as text, or as one JSON object with ``--json``."""
        print(json.dumps(values, ensure_ascii=False, indent=1, default=str) if self.args.json else lines)


class Shown:
    """The progress of a run on standard error: a bar on a terminal, now and then a line elsewhere."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done = title, total, 0
        self.counts: dict[str, int] = {}
        self._bar = Progress(console=Console(stderr=True)) if sys.stderr.isatty() else None
        self._task: TaskID | None = None

    def __enter__(self) -> 'Shown':
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task(self.title, total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, image_id: str, outcome: str) -> None:
        """Note one more image."""
        self.done += 1
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        told = ', '.join(f'{number} {name}' for name, number in self.counts.items())
        if self._bar:
            self._bar.update(self._task, completed=self.done, description=f'{self.title}: {told}')
        elif self.done == self.total or self.done % max(1, self.total // 20) == 0:
            print(f'{self.title}: {self.done}/{self.total}: {told}', file=sys.stderr, flush=True)


def parse_options(pairs: list[str]) -> dict[str, Any]:
    """``KEY=VALUE`` pairs, values read as Python literals where they are such, else as text.

    Raises:
        ConfigError: If a pair has another form. It is shown up to its '=', since the rest may be a key.
    """
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition('=')
        if not equals or not key.isidentifier():
            raise ConfigError(f'--options {key!r}; expected KEY=VALUE, such as seed=1.')
        try:
            options[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            options[key] = value
    return options


def listed(title: str, reasons: Mapping[str, str]) -> None:
    """Print the first of what went wrong on standard error."""
    for image_id, reason in list(reasons.items())[:SHOWN]:
        print(f'{title}: {image_id}: {reason}', file=sys.stderr)
    if len(reasons) > SHOWN:
        print(f'{title}: {len(reasons) - SHOWN} more', file=sys.stderr)
