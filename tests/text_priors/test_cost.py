"""Tokens and money of a request, as estimated before and counted after."""

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.vlm.cost import Estimate, Prices, estimate, image_tokens
from irstd_toolbox.text_priors.vlm.types import PreparedImage, Prompt, Shot, Usage


@pytest.mark.parametrize(('model', 'width', 'height', 'tokens'), [
    ('claude-sonnet', 57, 28, 3 * 1), ('claude-sonnet', 28, 57, 1 * 3), ('gpt-6-sol', 65, 32, 4),
    ('gpt-5.6', 32, 33, 3), ('gpt-4o', 640, 512, 85 + 170 * 2), ('gpt-4.1', 512, 513, 85 + 170 * 2),
    ('gpt-4o', 2048, 1024, 85 + 170 * 3 * 2),  # 1536 x 768, the shorter side at most 768
    ('gpt-4o', 4096, 512, 85 + 170 * 4),  # 2048 x 256, the longer at most 2048
    ('gpt-4o-mini', 512, 512, None), ('gpt-4.1-nano', 512, 512, None), ('gpt-5', 512, 512, None)])
def test_an_image_has_the_tokens_that_its_vendor_counts(model, width, height, tokens):
    assert image_tokens(model, width, height) == tokens


def test_an_estimate_counts_every_image_and_the_task_of_every_turn():
    image, shot = PreparedImage('a', b'', 28, 28), Shot(PreparedImage('b', b'', 56, 28), 'x' * 10)
    prompt = Prompt('few_shot', 't' * 20, 's' * 7, (shot, shot))  # 7 + 3 * 20 + 2 * 10 characters, 4 a token
    assert estimate('claude', image, prompt, 20) == Estimate(1 + 2 * 2 + 22, 27)
    assert estimate('claude', image, Prompt('zero_shot', 't' * 4), None) == Estimate(1 + 1, 162)
    assert estimate('llava', image, prompt, 20) == Estimate(None, 27)


@pytest.mark.parametrize(('prices', 'usage', 'cost'), [
    ((2, 10), (500_000, 100_000), 1 + 1), ((2, 10), (None, 100_000), 1), ((2, 10), (None, None), None),
    ((0, 0), (None, None), 0)])
def test_prices_are_of_a_million_tokens(prices, usage, cost):
    assert Prices(*prices).of(Usage(*usage)) == cost


def test_an_estimate_of_unknown_input_costs_nothing_only_where_nothing_costs():
    assert [Estimate(None, 9).cost(prices) for prices in (None, Prices(1, 1), Prices(0, 0))] == [None, None, 0]


@pytest.mark.parametrize('value', [
    {'input': 1}, {'input': -1, 'output': 1}, {'input': True, 'output': 1}, {'input': 1, 'output': float('inf')},
    {'input': 1, 'output': 1, 'cached': 1}, 3])
def test_what_is_no_pair_of_prices_is_refused(value):
    with pytest.raises(ConfigError, match='expected the prices of a million tokens'):
        Prices.from_option(value)
