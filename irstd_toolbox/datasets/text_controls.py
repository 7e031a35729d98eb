"""Sentences given to the wrong images on purpose: does the text matter at all?

Loads neither torch nor mmengine.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors.agreement import SLACK, agrees
from irstd_toolbox.text_priors.regions import Reading, read_description_text
from irstd_toolbox.text_priors.scene import find_targets

__all__ = ['CONTROLS', 'misassign']

CONTROLS = ('shuffled', 'wrong')
"""Another image's sentence, whatever it says; another image's sentence that is false of this one."""


def misassign(texts: Mapping[str, str], control: str, load_mask: Callable[[str], np.ndarray | None],
              seed: int = 0) -> dict[str, str]:
    """Give every image the sentence of another.

    The images stand in a circle, in the order of the SHA-256 of ``'sentences/SEED/ID'``. ``'shuffled'``: each takes
    the sentence of the next one, so no image keeps its own and each sentence is used once. ``'wrong'``: each takes the
    first one after its own that :func:`.agrees` calls a disagreement with its mask: no place that the sentence names
    holds a target, on any axis. If there is none, as for targets near the middle, which are in every half of the frame
    as far as words can be held to, it takes the first that is a disagreement without that slack. Only the images, the
    seed and the sentences decide, not the order of the list.

    Args:
        texts: Id to the image's own sentence, of two images or more.
        control: One of ``CONTROLS``.
        load_mask: Gives the mask of an id, target 1, at the size of its image; None where there is none. Asked by
            ``'wrong'`` alone.
        seed: Another seed, another circle.

    Returns:
        Id to sentence. ``'wrong'`` leaves out the images of which no sentence is false in this sense.

    Raises:
        ConfigError: If ``control`` is not known.
        DataError: If there are fewer than two sentences, an image of ``'wrong'`` has no mask, or no sentence is wrong
            of any image.

    Note:
        Sentences are taken, not written, so that their words and their lengths stay those of the data set and only
        the place is another. A shuffled sentence may happen to be true: of the four of ``quadrant``, every fourth.

    Example:
        >>> moved = misassign({'a': 'On the left.', 'b': 'On the right.', 'c': 'At the top.'}, 'shuffled', None)
        >>> sorted(moved), len(set(moved.values())), moved['a'] == 'On the left.'
        (['a', 'b', 'c'], 3, False)
    """
    if control not in CONTROLS:
        raise ConfigError(f'text_control={control!r}; expected one of {", ".join(CONTROLS)}, or None.')
    if len(texts) < 2:
        raise DataError(f'text_control={control!r} gives images the sentences of others, and {len(texts)} of them has '
                        'one; expected two or more. Write descriptions with tools/annotate.py first.')
    circle = sorted(texts, key=lambda image_id: hashlib.sha256(f'sentences/{seed}/{image_id}'.encode()).digest())
    if control == 'shuffled':
        return {image_id: texts[circle[(i + 1) % len(circle)]] for i, image_id in enumerate(circle)}
    readings = {text: read_description_text(text) for text in texts.values()}
    moved = {}
    for i, image_id in enumerate(circle):
        mask = load_mask(image_id)
        if mask is None:
            raise DataError(f"{image_id} has no mask; text_control='wrong' needs one to tell which sentences are "
                            "false. Give masks, or take text_control='shuffled'.")
        sentence = _false_of(mask, [texts[other] for other in circle[i + 1:] + circle[:i]], readings)
        if sentence is not None:
            moved[image_id] = sentence
    if not moved:
        raise DataError(f"text_control='wrong': of {len(texts)} sentences none is false of any image; do they name "
                        'places? tools/annotate.py --do check tells what they are read as.')
    return moved


def _false_of(mask: np.ndarray, sentences: Sequence[str], readings: Mapping[str, Reading]) -> str | None:
    """The first sentence that is false of a mask, rather one that is so with the slack of :func:`.agrees`."""
    targets = find_targets(mask)
    first: dict[Reading, str] = {}
    for sentence in sentences:  # those that claim the same are true or false together
        if readings[sentence].regions:  # "no target" is false where there is one, but names no other place
            first.setdefault(readings[sentence], sentence)
    return next((sentence for slack in (SLACK, 0.0) for reading, sentence in first.items()
                 if agrees(reading, targets, mask.shape, slack) == 'disagree'), None)
