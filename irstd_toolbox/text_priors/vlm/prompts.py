"""The words that a model is asked with: the paper's, in three styles, with the knobs of its ablations."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.vlm.types import PreparedImage, Prompt, Shot

__all__ = [
    'NOUNS', 'STYLES', 'VERSIONS', 'Question', 'choose_shots', 'enforced_limit', 'order_examples', 'render']

STYLES = ('zero_shot', 'few_shot', 'system')
NOUNS = ('target', 'targets')
VERSIONS = {'zero_shot': 1, 'few_shot': 1, 'system': 1}
"""Raised when the words of a style change; what is hashed for the cache are the rendered words themselves."""

_ROLE = 'You are an expert who can locate the small {noun} in the infrared image.'
_TASK = ('Locate the small {noun} within the infrared image and respond succinctly{limit}, '
         'detailing the region where the {noun} {verb} situated.')
_ZERO_SHOT = 'Detect the small {noun} in the infrared image.'


def render(style: str = 'system', word_limit: int | None = 50, noun: str = 'target',
           shots: Sequence[Shot] = ()) -> Prompt:
    """The prompt of a style.

    Args:
        style: ``'zero_shot'`` (one sentence of task, no role), ``'system'`` (a role and a task) or ``'few_shot'``
            (the same role and task after examples).
        word_limit: Stated in the task as ``within N words``; None states none. The zero-shot sentence has no limit.
        noun: ``'target'``, or ``'targets'`` as in the ablation (with which models see more than there is).
        shots: Examples for ``'few_shot'``, of the training split; :func:`choose_shots` chooses them.

    Raises:
        ConfigError: If an argument is none of these, or examples are missing or come with another style.

    Note:
        The paper gives the words with the limit of 50. Without it, ``within 50 words`` is left out and nothing else
        is changed. It does not say whether its few-shot prompt kept the role; here the style differs from ``'system'``
        by the examples alone.

    References:
        LGNet, section 5.3.2 and appendices A to C (prompts), 5.6.5 (word limit), 5.6.6 (noun).

    Example:
        >>> render('zero_shot').task
        'Detect the small target in the infrared image.'
        >>> render('system', word_limit=None, noun='targets').task.rpartition(', ')[2]
        'detailing the region where the targets are situated.'
    """
    if style not in STYLES:
        raise ConfigError(f'prompt style {style!r}; expected one of {", ".join(STYLES)}.')
    if noun not in NOUNS:
        raise ConfigError(f'prompt noun {noun!r}; expected one of {", ".join(NOUNS)}.')
    if word_limit is not None and (isinstance(word_limit, bool) or not isinstance(word_limit, int) or word_limit < 1):
        raise ConfigError(f'word limit {word_limit!r}; expected a whole number from 1, such as 50, or None.')
    if (style == 'few_shot') != bool(shots):
        raise ConfigError(f'prompt style {style!r} with {len(shots)} examples; expected one or more examples with '
                          "'few_shot' and none with any other style.")
    if style == 'zero_shot':
        return Prompt(style, _ZERO_SHOT.format(noun=noun))
    limit = '' if word_limit is None else f' within {word_limit} words'
    task = _TASK.format(noun=noun, limit=limit, verb='is' if noun == 'target' else 'are')
    return Prompt(style, task, _ROLE.format(noun=noun), tuple(shots))


def enforced_limit(style: str, word_limit: int | None) -> int | None:
    """The limit that an answer is held to: that which its prompt states, so none for zero-shot."""
    return None if style == 'zero_shot' else word_limit


def order_examples(ids: Iterable[str]) -> list[str]:
    """``ids`` in an order that looks random and hardly changes when an id is added.

    Example:
        >>> sorted(order_examples(['a', 'b', 'c'])) == ['a', 'b', 'c']
        True
    """
    return sorted(set(ids), key=lambda image_id: hashlib.sha256(f'0/{image_id}'.encode()).hexdigest())


def choose_shots(examples: Sequence[Shot], count: int, query: PreparedImage) -> tuple[Shot, ...]:
    """The first ``count`` of ``examples`` that are not the query image, by id or by content.

    Args:
        examples: ``count`` + 1 or more, of the training split, in the order in which they are preferred.

    Raises:
        ConfigError: If fewer than ``count`` are left.
    """
    others = [shot for shot in examples
              if shot.image.image_id != query.image_id and shot.image.sha256 != query.sha256]
    if len(others) < count:
        raise ConfigError(f'{query.image_id}: {len(others)} examples are left besides the image itself; expected '
                          f'{count}. Give more descriptions of training images, or ask for fewer examples.')
    return tuple(others[:count])


@dataclass(frozen=True)
class Question:
    """How every image of a run is asked about.

    Args:
        style: See :func:`render`.
        word_limit: See :func:`render`.
        noun: See :func:`render`.
        examples: For ``'few_shot'``, in the order in which they are preferred.
        shots: How many of them an image is shown with.

    Raises:
        ConfigError: As :func:`render` does, and if there are fewer examples than shots.
    """

    style: str = 'system'
    word_limit: int | None = 50
    noun: str = 'target'
    examples: tuple[Shot, ...] = ()
    shots: int = 0

    def __post_init__(self) -> None:
        if self.shots < 0:
            raise ConfigError(f'{self.shots} examples were asked for; expected 0 or more.')
        if self.shots > len(self.examples):
            raise ConfigError(f'{self.shots} examples were asked for and {len(self.examples)} are there. Give more '
                              'descriptions of training images, or ask for fewer examples.')
        self._render(self.examples[:self.shots])

    @property
    def limit(self) -> int | None:
        """Words that an answer may have."""
        return enforced_limit(self.style, self.word_limit)

    def prompt(self, image: PreparedImage) -> Prompt:
        """The prompt for one image; its examples never show that image itself."""
        return self._render(choose_shots(self.examples, self.shots, image))

    def record(self) -> dict[str, Any]:
        """As plain values, for the record; of the prompt with the examples that most images get."""
        prompt = self._render(self.examples[:self.shots])
        return {'style': self.style, 'version': VERSIONS[self.style], 'system': prompt.system, 'task': prompt.task,
                'word_limit': self.limit, 'noun': self.noun, 'sha256': prompt.sha256, 'shots': self.shots,
                'examples': [shot.image.image_id for shot in self.examples]}

    def _render(self, shots: Sequence[Shot]) -> Prompt:
        return render(self.style, self.word_limit, self.noun, shots)
