"""Whole runs against a loopback server in two vendors' dialects that goes wrong in every way it can.

Of every fault the same is asked: what became of each image, and that none was lost, paid twice or written wrongly.
"""

import io
import logging
import pickle
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from sys import modules
from typing import Any

import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.plugins import load_plugins
from irstd_toolbox.text_priors import build_provider
from irstd_toolbox.text_priors.vlm import asking
from irstd_toolbox.text_priors.vlm.annotate import annotate
from irstd_toolbox.text_priors.vlm.images import prepare_file
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.report import Report

IDS = [f'XDU{number}' for number in range(9)]
VENDORS = ('responses', 'chat', 'compatible', 'anthropic')


class Bench:
    """Nine images, a provider of one dialect, and a server."""

    def __init__(self, vendor: str, server: Any, folder: Path, make: Callable[..., np.ndarray],
                 timeout: float = 30) -> None:
        load_plugins()
        self.server, self.folder = server, folder / 'descriptions'
        self.paths = {image_id: folder / f'{image_id}.png' for image_id in IDS}
        for number, path in enumerate(self.paths.values()):
            Image.fromarray(make(number, (24, 32))).save(path)
        name = {'anthropic': 'anthropic', 'compatible': 'openai_compatible'}.get(vendor, 'openai')
        options = {'base_url': server.url_anthropic if name == 'anthropic' else server.url_openai, 'timeout': timeout,
                   'model': {'anthropic': 'claude-test', 'openai': 'gpt-6-test'}.get(name, 'local-test')}
        if vendor in ('responses', 'chat'):
            options['api'] = vendor
        self.provider = build_provider(name, options)
        self.shas = {image_id: self.prepare(image_id).sha256 for image_id in IDS}

    def prepare(self, image_id: str) -> Any:
        return prepare_file(self.paths[image_id], image_id)

    def run(self, **limits: Any) -> Report:
        return annotate(IDS, self.folder, self.provider, self.prepare,
                        limits=Limits(**{'concurrency': 2, 'first_delay': 0.01, 'attempts': 3} | limits))

    def on(self, faults: dict[str, str], times: int = 99) -> None:
        """Have a fault, by image id, happen that many times."""
        left = dict.fromkeys(faults, times)

        def script(record: Any) -> str | None:
            image_id = next(name for name, sha256 in self.shas.items() if sha256 == record.image.sha256)
            if not left.get(image_id):
                return None
            left[image_id] -= 1
            return faults[image_id]
        self.server.script(script)

    def texts(self) -> dict[str, str]:
        return {path.name.removesuffix('.description.txt'): path.read_text() for path in self.folder.glob('*.txt')}

    def right(self, ids: list[str]) -> bool:
        """Whether exactly ``ids`` are described, each by what the server says of its own image."""
        describe = modules['vlm_faults'].describe
        return self.texts() == {image_id: describe(self.shas[image_id]) + '\n' for image_id in ids}

    def paid(self) -> Counter:
        """How often each image was answered for."""
        names = {sha256: image_id for image_id, sha256 in self.shas.items()}
        return Counter(names[sha256] for sha256 in self.server.billed)

    def whole(self, report: Report) -> bool:
        """Whether every image is in exactly one list."""
        lists = [*report.written, *report.kept, *report.rejected, *report.failed, *report.unasked]
        return sorted(lists) == IDS


@pytest.fixture(params=VENDORS)
def bench(request, vlm_server, tmp_path, infrared) -> Bench:
    return Bench(request.param, vlm_server, tmp_path, infrared)


@pytest.fixture(params=['responses', 'anthropic'])
def two(request, vlm_server, tmp_path, infrared) -> Bench:
    return Bench(request.param, vlm_server, tmp_path, infrared)


@pytest.fixture
def one(vlm_server, tmp_path, infrared) -> Bench:
    return Bench('responses', vlm_server, tmp_path, infrared)


def spread(faults: list[str]) -> dict[str, str]:
    """One fault an image, from the first on."""
    return dict(zip(IDS, faults, strict=False))


@pytest.fixture
def nobody(one: Bench) -> Bench:
    """A provider of a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    one.provider = build_provider('openai_compatible', dict(model='m', base_url=f'http://127.0.0.1:{port}/v1'))
    return one


def test_a_server_that_does_not_run_stops_the_run_with_its_cause(nobody):
    report = nobody.run(attempts=2)
    assert report.exit_code == 4 and '3 images in a row used up their attempts alike: connection' in report.stop.message
    assert len(report.failed) == 2 and nobody.whole(report) and report.calls <= 8


def test_a_server_that_fails_after_it_answered_is_given_more_images(one, monkeypatch):
    one.on(dict.fromkeys(IDS[1:], 'server'))
    monkeypatch.setattr(asking, 'ALIKE', 5)
    report = one.run(attempts=2, concurrency=1)
    assert report.exit_code == 4 and '5 images in a row used up their attempts alike: server' in report.stop.message
    assert len(report.failed) == 4 and one.right(IDS[:1]) and one.whole(report) and report.calls == 11


def test_failures_of_different_causes_are_no_row(one):
    one.on({image_id: ('server', 'request_timeout')[place % 2] for place, image_id in enumerate(IDS)})
    report = one.run(attempts=1, concurrency=1)
    assert report.stop is None and len(report.failed) == len(IDS)


def test_an_answer_between_failures_ends_their_row(one, monkeypatch):
    one.on(dict.fromkeys([*IDS[:2], *IDS[3:5]], 'server'))
    monkeypatch.setattr(asking, 'ALIKE', 3)
    report = one.run(attempts=1, concurrency=1)
    assert report.stop is None and sorted(report.failed) == [*IDS[:2], *IDS[3:5]]


def test_without_faults_all_are_described_and_paid_once(bench):
    report = bench.run()
    assert report.exit_code == 0 and bench.right(IDS) and bench.paid() == Counter(IDS)
    assert report.usage['input_tokens'] > 0 and len(report.models) == 1
    assert bench.run().exit_code == 0 and len(bench.server.asks) == len(IDS)


def test_what_passes_and_costs_nothing_delays_an_image(bench):
    faults = ['rate_limit:0.05', 'rate_limit', 'overloaded', 'server', 'unavailable', 'request_timeout', 'reset']
    bench.on(spread(faults), times=2)
    report = bench.run()
    assert report.exit_code == 0 and bench.right(IDS) and bench.paid() == Counter(IDS)
    assert Counter(record.fault for record in bench.server.asks) == Counter([*faults, *faults, *['ok'] * len(IDS)])


def test_an_answer_that_is_spoilt_on_its_way_is_asked_for_again_and_nothing_else_is(bench):
    faults = ['cut', 'malformed', 'html', 'array', 'html_502']
    bench.on(spread(faults), times=2)
    report = bench.run()
    assert report.exit_code == 0 and bench.right(IDS)
    assert bench.paid() == Counter([*IDS, *IDS[:5], *IDS[:5]])


def test_an_image_that_fails_for_ever_is_given_up_and_listed(two):
    faults = ['server', 'cut', 'malformed', 'html', 'array']
    two.on(spread(faults))
    report = two.run()
    assert report.exit_code == 3 and sorted(report.failed) == IDS[:5] and two.right(IDS[5:]) and two.whole(report)
    assert all('3 attempts' in reason for reason in report.failed.values())
    assert Counter(record.fault for record in two.server.asks) == {**dict.fromkeys(faults, 3), 'ok': 4}


def test_a_slow_answer_times_out_and_is_asked_for_again(vlm_server, tmp_path, infrared):
    bench = Bench('responses', vlm_server, tmp_path, infrared, timeout=1)
    bench.on({'XDU2': 'slow:1.5'}, times=1)
    assert bench.run(attempts=9).exit_code == 0 and bench.right(IDS)
    faults = [record.fault for record in vlm_server.asks if record.image.sha256 == bench.shas['XDU2']]
    assert faults[0] == 'slow:1.5' and set(faults[1:]) == {'ok'}


@pytest.mark.parametrize(('fault', 'cause'), [
    ('quota', 'account cannot pay'), ('payment', 'account cannot pay'), ('credit', 'account cannot pay'),
    ('auth', 'the key is not accepted'), ('permission', 'the key may not do this'),
    ('not_found', 'the model or the address does not exist')])
def test_what_nobody_can_pass_stops_the_run_and_the_next_goes_on(two, fault, cause):
    two.on({'XDU2': fault}, times=1)
    report = two.run(concurrency=1)
    assert report.exit_code == 4 and cause in report.stop.message
    assert report.unasked == IDS[2:] and two.right(IDS[:2]) and two.whole(report)
    assert len(two.server.asks) == 3
    assert two.run().exit_code == 0 and two.right(IDS) and two.paid() == Counter(IDS)


def test_an_unknown_model_is_found_out_before_any_image_is_sent(bench):
    bench.server.models = {'another'}
    report = bench.run()
    assert report.exit_code == 4 and 'does not exist' in report.stop.message and bench.server.asks == []


def test_a_wrong_key_is_found_out_before_any_image_is_sent(two):
    two.server.keys = {'another'}
    report = two.run()
    assert report.exit_code == 4 and 'the key is not accepted' in report.stop.message and two.server.asks == []


def test_an_image_that_is_refused_fails_alone_and_is_sent_once(bench):
    faults = ['bad_request', 'image_too_large', 'too_large', 'unprocessable']
    bench.on(spread(faults))
    report = bench.run()
    assert report.exit_code == 3 and sorted(report.failed) == IDS[:4] and bench.right(IDS[4:]) and bench.whole(report)
    assert Counter(record.fault for record in bench.server.asks) == {'ok': 5, **dict.fromkeys(faults, 1)}


def test_an_answer_that_is_no_description_is_listed_paid_once_and_not_kept(bench):
    faults = {'refusal': 'refusal', 'refusal_prose': 'refusal', 'truncated': 'truncated', 'empty': 'empty',
              'reasoning_only': 'truncated empty', 'content_filter': 'refusal', 'too_long': 'too_long',
              'text:<p>left</p>': 'unclean'}
    bench.on(spread(list(faults)))
    report = bench.run()
    assert report.exit_code == 3 and bench.right(IDS[8:]) and bench.whole(report)
    assert bench.paid() == Counter(IDS)
    reasons = [report.rejected[image_id].partition(':')[0] for image_id in IDS[:8]]
    assert all(reason in expected for reason, expected in zip(reasons, faults.values(), strict=True)), reasons
    bench.server.script([])
    assert bench.run().exit_code == 0 and bench.right(IDS) and bench.paid() == Counter([*IDS, *IDS[:8]])


def test_throttling_of_all_by_turns_loses_no_image(one):
    seen: list[str] = []

    def script(record: Any) -> str | None:
        seen.append(record.image.sha256)
        return ('rate_limit:0.03', 'rate_limit', 'overloaded')[seen.count(record.image.sha256) - 1] \
            if seen.count(record.image.sha256) < 4 else None
    one.server.script(script)
    report = one.run(attempts=1, concurrency=5)
    assert report.exit_code == 0 and one.right(IDS) and one.paid() == Counter(IDS)


@pytest.mark.parametrize('seed', range(3))
def test_any_mixture_of_faults_leaves_every_image_in_one_place_and_every_text_right(two, seed):
    rng = np.random.default_rng(seed)
    faults = ['rate_limit:0.01', 'overloaded', 'server', 'reset', 'bad_request', 'html_502', 'cut', 'malformed',
              'refusal_prose', 'truncated', 'empty', 'too_long', 'ok', 'ok', 'ok']
    two.server.script([str(rng.choice(faults)) for _ in range(20)])
    report = two.run(concurrency=3)
    assert two.whole(report) and two.right(sorted(report.written))
    answers = Counter(record.image.sha256 for record in two.server.asks if record.fault == 'ok')
    assert all(answers[two.shas[image_id]] == 1 for image_id in report.written)
    assert not any(answers[two.shas[image_id]] for image_id in [*report.rejected, *report.failed])
    two.server.script([])
    assert two.run().exit_code == 0 and two.right(IDS)
    answers = Counter(record.image.sha256 for record in two.server.asks if record.fault == 'ok')
    assert answers == Counter(two.shas.values())


def test_the_image_that_arrives_is_the_file_pixel_for_pixel(two):
    two.run()
    for record in two.server.asks:
        image_id = next(name for name, sha256 in two.shas.items() if sha256 == record.image.sha256)
        arrived = np.asarray(Image.open(io.BytesIO(record.image.png)))
        with Image.open(two.paths[image_id]) as file:
            np.testing.assert_array_equal(arrived, np.asarray(file))


def test_no_key_and_no_image_is_in_any_file_that_a_run_leaves_nor_in_a_log_or_pickle(two, key_canary, caplog):
    caplog.set_level(logging.DEBUG)
    two.on({'XDU2': 'auth'}, times=1)
    two.run()
    two.on({'XDU3': 'bad_request'}, times=1)
    report = two.run()
    assert key_canary not in caplog.text and 'iVBORw0KGgo' not in caplog.text
    assert key_canary.encode() not in pickle.dumps((report, two.provider))
    files = [path for path in two.folder.parent.rglob('*') if path.is_file() and path.suffix != '.png']
    assert len(files) > 15 and any(key_canary in record.headers['authorization'] for record in two.server.asks)
    for path in files:
        content = path.read_bytes()
        assert key_canary.encode() not in content and b'iVBORw0KGgo' not in content and b'PNG' not in content
