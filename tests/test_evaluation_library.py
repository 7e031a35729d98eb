"""Scores as a program of one's own asks for them, docs/library.md."""

import re
from pathlib import Path

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.evaluation.curves import CurveCounter
from irstd_toolbox.evaluation.pairing import read_image_counts
from irstd_toolbox.evaluation.protocols import decide, fit, get, score
from irstd_toolbox.evaluation.results import ImageScore, measure, score_image, summarise, write_image_counts
from irstd_toolbox.evaluation.significance import compare, intervals

DIAGONAL = np.eye(16, dtype=bool)


@pytest.mark.parametrize('protocol', [get('dnanet'), 'dnanet', 'dnante', ['dnanet'], None],
                         ids=['it', 'name', 'unknown', 'list', 'None'])
def test_a_protocols_name_stands_for_it_everywhere_and_another_is_refused(protocol: object, tmp_path: Path) -> None:
    truth = DIAGONAL
    counts = score('dnanet', truth, truth)
    image, file = ImageScore('a', 1, 16, truth.size, {'dnanet': counts}), tmp_path / 'counts.csv'
    write_image_counts(file, [image], 'dnanet')
    uses = [lambda one: score(one, truth, truth), lambda one: score_image('a', truth, truth, [one]),
            lambda one: fit(one, truth, truth)[1].shape, lambda one: decide(one, truth)[10, 10],
            lambda one: measure(one, [counts]), lambda one: summarise([image], [one]),
            lambda one: write_image_counts(file, [image], [one]), lambda one: read_image_counts(file, one),
            lambda one: CurveCounter(one).protocol, lambda one: intervals([counts], one, resamples=1)['IoU'],
            lambda one: compare([counts], [counts], one, resamples=1)['IoU']]
    for use in uses:
        if 'dnanet' in (protocol, getattr(protocol, 'name', None)):
            assert use(protocol) == use('dnanet')
        elif protocol is not None or use is not uses[7]:  # whose rules the rows of a table need not be held against
            with pytest.raises(ConfigError, match=rf'{re.escape(repr(protocol))} is no known protocol; expected one'):
                use(protocol)


def test_an_image_that_was_not_counted_under_a_protocol_is_named() -> None:
    image = score_image('a', DIAGONAL, DIAGONAL, 'dnanet')
    with pytest.raises(ConfigError, match="a was counted under dnanet, and not under 'canonical'"):
        summarise([image], ['canonical'])
