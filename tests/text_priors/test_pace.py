"""How long a run waits: after refusals, and for what is under way when it stops."""

import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from irstd_toolbox.text_priors.vlm.annotate import annotate
from irstd_toolbox.text_priors.vlm.images import prepare_array
from irstd_toolbox.text_priors.vlm.pace import Brake, Limits
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, ProviderError, VisionLanguageProvider

AFTER = float('inf')
"""Sent after every pause."""


class Refusing(VisionLanguageProvider):
    """Refuses everything with ``error``, except what is asked first, which takes ``seconds``."""

    remote = False

    def __init__(self, error: ProviderError, seconds: float = 0.0) -> None:
        self.error, self.seconds, self.asked = error, seconds, 0

    def identity(self) -> dict[str, Any]:
        return {'provider': 'refusing', 'model': 'm'}

    async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
        self.asked += 1
        if self.asked == 1:
            await asyncio.sleep(self.seconds)
        raise self.error


def run(folder: Path, provider: Refusing, **limits: Any) -> Any:
    return annotate(['a', 'b'], folder / 'descriptions', provider,
                    lambda image_id: prepare_array(np.full((4, 4), ord(image_id)), image_id), limits=Limits(**limits))


@pytest.mark.parametrize('seconds', [0, -3, 1e-6])
def test_a_server_that_throttles_and_asks_for_no_wait_is_left_alone_longer_each_time(tmp_path, seconds):
    provider = Refusing(ProviderError('rate_limit', 'slower', seconds))
    report = run(tmp_path, provider, first_delay=0.01, max_wait=0.3, max_calls=200)
    assert provider.asked < 15 and 'the limit is 0.3 s' in report.stop.message


@pytest.mark.parametrize(('seconds', 'kept'), [(0, None), (-3, None), (float('nan'), None), (0.5, 0.5)])
def test_to_ask_for_no_wait_is_to_ask_for_nothing(seconds, kept):
    assert ProviderError('server', 'busy', seconds).retry_after == kept


@pytest.mark.parametrize(('asked', 'first', 'second'), [(0.05, 0.05, 20), (None, 10, 20), (30, 30, 30), (99, 99, 99)])
def test_the_first_pause_is_as_the_server_asks_and_its_own_the_least_after_that(asked, first, second):
    brake = Brake(Limits(first_delay=10))
    assert first - 0.01 < brake.press(AFTER, asked) <= first * 1.25
    assert second - 0.01 < brake.press(AFTER, asked) <= second * 1.25
    assert brake.press(0.0, 0.05) <= second * 1.25, 'one that was under way makes no pause longer'


@pytest.mark.parametrize(('failures', 'least'), [(1, 3), (2, 6), (5, 48), (6, 60), (40, 60)])
def test_waits_double_up_to_a_minute_with_up_to_a_quarter_more(failures, least):
    assert least <= Limits(first_delay=3).delay(failures) <= 1.25 * least


def test_what_is_under_way_when_a_run_stops_is_waited_for_as_long_as_the_providers_own_time_out(tmp_path):
    provider = Refusing(ProviderError('auth', 'no'), seconds=60)
    provider.timeout, begun = 0.2, time.monotonic()
    assert run(tmp_path, provider).exit_code == 4 and provider.asked == 2
    assert 0.2 <= time.monotonic() - begun < 5
