"""Requests are cut into shards by bytes and by lines, one at a time."""

import base64
from collections.abc import Iterator

import pytest

from irstd_toolbox.text_priors.vlm.prompts import render
from irstd_toolbox.text_priors.vlm.shards import Parcel, Request, TooLarge, bounds, pack, weigh
from irstd_toolbox.text_priors.vlm.types import BatchLimits, PreparedImage, Prompt

PROMPT = render('system')


def line(custom_id: str, image: PreparedImage, prompt: Prompt) -> dict:
    return {'custom_id': custom_id, 'png': base64.b64encode(image.png).decode(), 'task': prompt.task}


def requests(*sizes: int) -> Iterator[Request]:
    return (Request(PreparedImage(str(i), bytes(size), 8, 8), PROMPT, f'key{i}') for i, size in enumerate(sizes))


def shards(sizes: list[int], limits: BatchLimits) -> list[list[str]]:
    return [list(parcel.keys.values()) for parcel in pack(requests(*sizes), limits, line)]


def test_a_shard_is_full_at_its_number_of_lines() -> None:
    assert shards([1] * 7, BatchLimits(10**6, 3)) == [['key0', 'key1', 'key2'], ['key3', 'key4', 'key5'], ['key6']]


def test_a_shard_takes_exactly_its_bytes_and_not_one_more() -> None:
    one = weigh(line('12345678-00000', PreparedImage('', bytes(300), 8, 8), PROMPT))
    assert shards([300] * 3, BatchLimits(2 * one, 99)) == [['key0', 'key1'], ['key2']]
    assert shards([300] * 3, BatchLimits(2 * one - 1, 99)) == [['key0'], ['key1'], ['key2']]


def test_the_bytes_of_a_parcel_are_those_of_its_lines_as_json_lines() -> None:
    parcel, = pack(requests(10, 200, 3000), BatchLimits(10**6, 99), line)
    assert parcel.bytes == sum(weigh(entry) for entry in parcel.lines)


def test_a_request_that_fits_no_shard_is_handed_back_and_the_others_go_on() -> None:
    large, parcel = pack(requests(10, 9000, 10), BatchLimits(5000, 9), line)
    assert isinstance(large, TooLarge)
    assert large.key == 'key1'
    assert isinstance(parcel, Parcel)
    assert list(parcel.keys.values()) == ['key0', 'key2']


def test_custom_ids_are_legal_and_begin_with_the_label_of_their_own_shard() -> None:
    first, second = pack(requests(1, 1, 1), BatchLimits(10**6, 2), line)
    assert first.label != second.label
    assert [entry['custom_id'] for entry in first.lines] == [f'{first.label}-00000', f'{first.label}-00001']
    assert [entry['custom_id'] for entry in second.lines] == list(second.keys) == [f'{second.label}-00000']


def test_images_are_taken_as_their_turn_comes() -> None:
    taken = []

    def watched() -> Iterator[Request]:
        for request in requests(*[1] * 9):
            taken.append(request.key)
            yield request

    next(pack(watched(), BatchLimits(10**6, 3), line))
    assert len(taken) == 4, 'three in the shard and the one that did not fit'


def test_the_largest_data_set_is_cut_below_what_vendors_take() -> None:
    """IRSTD-1k at a tenth of its bytes: 1,001 images of 195.6 kB mean, 261 MB in base64; vendors take 200 MB."""
    limits = bounds(BatchLimits(200 * 10**6, 50_000))
    parcels = list(pack(requests(*[19_560] * 1001), BatchLimits(limits.bytes // 10, limits.lines), line))
    assert [len(parcel.lines) for parcel in parcels] == [255, 255, 255, 236]
    assert max(parcel.bytes for parcel in parcels) <= 64 * 2**20 / 10


@pytest.mark.parametrize(('vendor', 'expected'), [
    (BatchLimits(200 * 10**6, 50_000), BatchLimits(64 * 2**20, 500)),
    (BatchLimits(10**6, 100), BatchLimits(900_000, 100))])
def test_a_shard_stays_below_the_vendors_limits_and_ours(vendor: BatchLimits, expected: BatchLimits) -> None:
    assert bounds(vendor) == expected
