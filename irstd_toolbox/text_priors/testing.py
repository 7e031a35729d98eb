"""The conformance kit: whether a provider keeps its contract, in three lines of anybody's test.

::

    from irstd_toolbox.text_priors.testing import check_provider

    def test_my_provider_conforms():
        check_provider(MyProvider())
"""

import asyncio
import base64
import contextlib
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors.provider import TextPriorProvider
from irstd_toolbox.text_priors.scene import Scene
from irstd_toolbox.text_priors.vlm.images import prepare_array
from irstd_toolbox.text_priors.vlm.types import (
    Answer,
    BatchProvider,
    Prompt,
    ProviderError,
    Shot,
    VisionLanguageProvider,
)

__all__ = ['check_provider', 'make_scenes']

WORDS = 50
REFUSES = (TypeError, AttributeError, pickle.PicklingError)
"""How an object says that it cannot be pickled."""


def check_provider(
        provider: TextPriorProvider, *, key: str | None = None, sent: Callable[[], str | bytes] | None = None,
        broken: Iterable[VisionLanguageProvider] = (), scenes: Iterable[Scene] | None = None) -> None:
    """Hold a provider to its contract; one that asks a model should talk to a server of the test's own.

    Any provider: says whether it uses the ground truth, and is right about it; writes one line of at most 50 words;
    leaves the scene as it is; if it asks no model, says the same again, a pickled copy too.

    One that asks a model: sends the system's role, the task, the examples and the image's bytes; tells its identity in
    JSON values, always the same; raises :class:`ProviderError` alone; shows no key in identity, ``repr``, pickles, logs
    at any level and failures. One that makes batches: its lines are JSON, carry the id and the whole prompt.

    Args:
        provider: What is held to it, working.
        key: The key that it uses, to be found nowhere.
        sent: Gives the body that the model got last, as it travelled.
        broken: Providers of the kind that must fail: a wrong key, a server that is not there, a model that is unknown.
        scenes: What is to be described, instead of :func:`make_scenes`.

    Raises:
        AssertionError: With everything that is wrong, a line each.

    Example:
        >>> from irstd_toolbox.text_priors import QuadrantProvider
        >>> check_provider(QuadrantProvider())
    """
    if not isinstance(provider, TextPriorProvider):
        raise AssertionError(f'{provider!r} is no TextPriorProvider; expected an instance of a subclass.')
    scenes = list(make_scenes() if scenes is None else scenes)
    asks = isinstance(provider, VisionLanguageProvider)
    problems = [*_declares(provider, asks)]
    with _logs() as log:
        problems += _describes(provider, scenes)
        if asks:
            problems += asyncio.run(_answers(provider, sent))
            for other in broken:
                problems += asyncio.run(_fails(other, key))
        else:
            problems += _repeats(provider, scenes)
    if isinstance(provider, BatchProvider):
        problems += _packs(provider)
    problems += _pickles(provider, None if asks else scenes[0])
    if key:
        problems += _hides(provider, key, log.getvalue())
    if problems:
        raise AssertionError('\n'.join([f'{type(provider).__name__} does not conform:', *dict.fromkeys(problems)]))


def make_scenes() -> list[Scene]:
    """Three small scenes: a target in the upper right, two targets, none."""
    made = []
    for index, places in enumerate(([(8, 50)], [(8, 50), (30, 5)], [])):
        image = np.random.default_rng(index).integers(40, 90, (41, 60)).astype(np.float32)
        mask = np.zeros(image.shape, np.uint8)
        for row, col in places:
            image[row:row + 2, col:col + 2], mask[row:row + 2, col:col + 2] = 220, 1
        made.append(Scene(image, mask, f'scene_{index}'))
    return made


@contextlib.contextmanager
def _logs() -> Iterator[io.StringIO]:
    """All that is logged meanwhile, at any level."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield written
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def _declares(provider: TextPriorProvider, asks: bool) -> Iterator[str]:
    if not isinstance(provider.uses_ground_truth, bool):
        yield f'uses_ground_truth is {provider.uses_ground_truth!r}; expected True or False'
    elif asks and provider.uses_ground_truth:
        yield 'uses_ground_truth is True; expected False of a provider that shows a model the image alone'


def _describes(provider: TextPriorProvider, scenes: list[Scene]) -> Iterator[str]:
    for scene in scenes:
        image, mask = scene.image.copy(), None if scene.mask is None else scene.mask.copy()
        try:
            text = provider.describe(scene)
        except ConfigError as error:  # of what a model's provider returned
            yield str(error)
            continue
        if not isinstance(text, str):
            yield f'describe() returned {type(text).__name__}; expected str'
        elif text != text.strip() or len(text.splitlines()) != 1:
            yield f'describe() returned {text!r}; expected one line without space around it'
        elif len(text.split()) > WORDS:
            yield f'describe() returned {len(text.split())} words; expected at most {WORDS}'
        if not np.array_equal(image, scene.image) or (mask is not None and not np.array_equal(mask, scene.mask)):
            yield 'describe() changed the scene; expected it left as it was'


def _repeats(provider: TextPriorProvider, scenes: list[Scene]) -> Iterator[str]:
    for scene in scenes:
        text, blind = provider.describe(scene), Scene(scene.image, None, scene.image_id)
        if text != provider.describe(scene):
            yield 'describe() says something else the second time; expected the same of the same scene'
        try:
            unseeing = provider.describe(blind)
        except DataError:
            if not provider.uses_ground_truth:
                yield 'describe() wants the mask, and uses_ground_truth is False; expected True'
            continue
        if provider.uses_ground_truth:
            yield 'describe() needs no mask, and uses_ground_truth is True; expected DataError without a mask'
        elif unseeing != text:
            yield 'describe() depends on the mask, and uses_ground_truth is False; expected True'


def _prompts() -> tuple[Any, list[Prompt]]:
    """An image, and prompts of which every word can be recognised."""
    one, two = (prepare_array(scene.image, scene.image_id) for scene in make_scenes()[:2])
    shots = (Shot(two, 'It is a gannet.'),)
    return one, [Prompt('few_shot', 'Locate the small kittiwake.', 'You are an expert in fulmars.', shots),
                 Prompt('zero_shot', 'Detect the small puffin.')]


def _missing(body: str | bytes, image: Any, prompt: Prompt) -> Iterator[str]:
    """What of a question is not in a body."""
    raw = body.encode() if isinstance(body, str) else body
    for what, words in (('system', prompt.system), ('task', prompt.task), *(('example', s.text) for s in prompt.shots)):
        if words and words.encode() not in raw:
            yield f'the {what} {words!r} of a {prompt.style} prompt did not reach the model'
    for shown in (image, *(shot.image for shot in prompt.shots)):
        if base64.b64encode(shown.png) not in raw and shown.png not in raw:
            yield f'the bytes of {shown.image_id} in a {prompt.style} prompt did not reach the model as they are'
    if prompt.system is None and b'fulmar' in raw:
        yield "a prompt without a system's role brought an earlier one along"


async def _answers(provider: VisionLanguageProvider, sent: Callable[[], str | bytes] | None) -> list[str]:
    problems = []
    first, (image, prompts) = provider.identity(), _prompts()
    try:
        if json.loads(json.dumps(first)) != first:
            problems.append('identity() does not survive JSON; expected plain JSON values')
    except (TypeError, ValueError):
        problems.append('identity() is no JSON; expected plain JSON values')
    if not isinstance(first, dict) or not all(isinstance(first.get(name), str) for name in ('provider', 'model')):
        problems.append("identity() names no 'provider' or no 'model'; expected both, as str")
    await provider.check()
    for prompt in prompts:
        answer = await provider.ask(image, prompt)
        if not isinstance(answer, Answer) or not answer.model:
            problems.append(f'ask() returned {answer!r}; expected an Answer with text and model')
        if sent is not None:
            problems += _missing(sent(), image, prompt)
    await provider.close()
    await provider.close()
    if repr(provider.identity()) != repr(first):
        problems.append('identity() changed by asking; expected always the same')
    return problems


async def _fails(provider: VisionLanguageProvider, key: str | None) -> list[str]:
    image, prompts = _prompts()
    try:
        await provider.ask(image, prompts[0])
    except ProviderError as error:
        copy = pickle.loads(pickle.dumps(error))
        told = [str(error), repr(error), str(vars(error)), *traceback.format_exception(error)]
        problems = [] if str(copy) == str(error) else ['a ProviderError changes when it is pickled']
        if error.__cause__ is not None:
            problems.append("a ProviderError was raised from the SDK's exception, which may hold the key; expected "
                            '``raise ... from None``')
        if key and any(key in text for text in told):
            problems.append(f'the key is in a ProviderError of kind {error.kind}')
        return problems
    except Exception as error:
        return [f'ask() raised {type(error).__name__}; expected ProviderError alone']
    finally:
        await provider.close()
    return ['a provider that was given as broken answered; expected ProviderError']


def _packs(provider: BatchProvider) -> Iterator[str]:
    image, prompts = _prompts()
    for prompt in prompts:
        line = provider.batch_line('0123abcd-00007', image, prompt)
        text = json.dumps(line, ensure_ascii=False)
        if '0123abcd-00007' not in text:
            yield 'batch_line() does not hold the custom id'
        yield from (f'batch_line(): {problem}' for problem in _missing(text, image, prompt))
    if not isinstance(provider.identity().get('endpoint'), str):
        yield "identity() names no 'endpoint'; expected it, as str, of a provider that makes batches"


def _pickles(provider: TextPriorProvider, scene: Scene | None) -> Iterator[str]:
    try:
        copy = pickle.loads(pickle.dumps(provider))
    except REFUSES:
        return
    if isinstance(provider, VisionLanguageProvider):
        if repr(copy.identity()) != repr(provider.identity()):
            yield 'a pickled copy has another identity; expected the same'
    elif copy.describe(scene) != provider.describe(scene):
        yield 'a pickled copy says something else; expected the same'


def _hides(provider: TextPriorProvider, key: str, logged: str) -> Iterator[str]:
    shown = {'repr': repr(provider), 'the logs': logged}
    if isinstance(provider, VisionLanguageProvider):
        shown['the identity'] = repr(provider.identity())
    yield from (f'the key is in {place}' for place, text in shown.items() if key in text)
    with contextlib.suppress(*REFUSES):
        if key.encode() in pickle.dumps(provider):
            yield 'the key is in a pickle of the provider'
