"""Which images of a test list are in a training list, by id or by what they show."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from ..datasets.inventory import Layout
from ..datasets.layouts import detect
from ..diagnosis.duplicates import Fingerprint, equal_pairs, near_pairs
from ..diagnosis.reading import in_threads, inspect

__all__ = ['ListOf', 'find_leaks', 'leaked_ids', 'lists_of', 'open_list']

ListOf = Mapping[str, Any]
"""One list of a config's data set: ``data_root``, ``name``, ``layout``, ``split``; shortened, also ``indices``."""


def lists_of(data: Sequence[Mapping]) -> list[dict[str, Any]]:
    """The distinct lists that data sets of a config read; a part that is held out belongs to its list."""
    found = [dict(data_root=str(one['data_root']), name=one.get('name'), layout=one.get('layout') or 'auto',
                  split=one.get('split') or 'trainval') for one in data]
    return [one for place, one in enumerate(found) if one not in found[:place]]


def open_list(told: ListOf, require_masks: bool = False) -> tuple[Layout, tuple[str, ...]]:
    """A list's data set and its ids, in order.

    Raises:
        DataError: If the data set is missing.
    """
    layout = detect(told['data_root'], told['name'], told['layout'])
    ids, indices = layout.ids(told['split'], require_masks=require_masks), told.get('indices')
    if indices is None:
        return layout, ids
    return layout, ids[:indices] if isinstance(indices, int) else tuple(ids[one] for one in indices)


def find_leaks(trained: Sequence[ListOf], tested: ListOf) -> dict[str, Any]:
    """Hold a test list against training lists.

    Args:
        trained: All that is trained or chosen on.
        tested: What is tested on.

    Returns:
        ``images`` of the test list, ``trained_images``, ``by_id``, ``equal`` and ``near`` (numbers of test images), and
        ``leaked``, the ids of all of them in the order of the list.

    Raises:
        DataError: If a data set is missing.

    Note:
        Ids are compared within one folder alone: different data sets number their images alike. Equal and nearly equal
        images are found whatever they are called, by the data doctor's fingerprints.
    """
    layout, ids = open_list(tested)
    own = _prints(layout, ids)
    found: dict[str, set[str]] = dict(by_id=set(), equal=set(), near=set())
    count = 0
    for one in trained:
        other, others = open_list(one)
        count += len(others)
        if other.root.resolve() == layout.root.resolve():
            found['by_id'] |= set(ids) & set(others)
        equal, near = leaked_ids(own, _prints(other, others))
        found['equal'] |= equal
        found['near'] |= near
    leaked = [one for one in ids if any(one in kind for kind in found.values())]
    return dict(images=len(ids), trained_images=count, leaked=leaked,
                **{kind: len(images) for kind, images in found.items()})


def leaked_ids(tested: Mapping[str, Fingerprint], trained: Mapping[str, Fingerprint]) -> tuple[set[str], set[str]]:
    """The tested images that equal a trained one, and those that nearly do."""
    ids = list(tested)
    ours, theirs = list(tested.values()), list(trained.values())
    return ({ids[place] for place, _ in equal_pairs(ours, theirs)},
            {ids[pair.first] for pair in near_pairs(ours, theirs)})


def _prints(layout: Layout, ids: Sequence[str]) -> dict[str, Fingerprint]:
    look = functools.partial(inspect, layout, with_mask=False)
    return {facts.image_id: facts.fingerprint for facts in in_threads(look, ids) if facts.fingerprint}
