"""Parameters and operations of a model, counted without weights and without computing anything."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..errors import ConfigError
from ..registry import MODELS

__all__ = ['complexity', 'forward_of']

PAPER = {'parameters': 4.04e6, 'operations': 85.68e9}


def complexity(model: dict, size: tuple[int, int] = (512, 512)) -> dict:
    """Count the model of a config.

    Args:
        model: The config's ``model``.
        size: Height and width of the one image counted; the network sees it padded to a multiple of the
            preprocessor's ``divisor``.

    Returns:
        ``size``; ``parts``: trainable and frozen parameters of each direct child; ``parameters``: all but the
        text and image encoder's; ``macs``: multiply-accumulates of convolutions and matrix products, encoder
        excluded; ``flops``: twice that; and for LGNet ``paper``, which says what the paper's figures are met by.

    Raises:
        ConfigError: If the model is of another kind.

    Note:
        Counted on meta tensors by PyTorch's own counter, so pooling, norms, upsampling and other
        element-wise work are not in it. Counters that print "FLOPs" for MACs are common in the field.
    """
    network = MODELS.build(copy.deepcopy(model)).eval()
    if not hasattr(network, 'target_descriptor'):
        raise ConfigError(f'{type(network).__name__} is not counted here; expected a config of a network that finds '
                          'targets, such as an IRSTDSegmentor.')
    descriptor = network.target_descriptor
    parts = {name: _parameters(child) for name, child in network.named_children() if name != 'target_descriptor'}
    own = sum(row['trainable'] + row['frozen'] for row in parts.values())
    if descriptor is not None:
        encoder = descriptor.holder.encoder if descriptor.frozen else descriptor.encoder
        with torch.device('meta'):
            encoder.build()
        encoder.requires_grad_(not descriptor.frozen)
        parts['target_descriptor'] = _parameters(encoder)
    network.target_descriptor = None
    network.to('meta')
    before = network.data_preprocessor
    padded = [-(-side // before.divisor) * before.divisor for side in size]
    inputs = torch.empty(1, before.channels, *padded, device='meta')
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        forward_of(network, inputs, None if descriptor is None else torch.empty(1, descriptor.dim, device='meta'))()
    flops = counter.get_total_flops()
    parts = {name: row for name, row in parts.items() if any(row.values())}
    figures = dict(size=list(size), parts=parts, parameters=own, macs=flops // 2, flops=flops)
    types = [(model.get(part) or {}).get('type') for part in ('backbone', 'neck', 'decode_head')]
    if types == ['RSUEncoder', 'RSUDecoder', 'GatedOutputHead'] and tuple(size) == (512, 512):
        figures['paper'] = _reading(own, flops)
    return figures


def forward_of(network: nn.Module, inputs: Tensor, descriptor: Tensor | None) -> Callable[[], object]:
    """What a network computes for a prediction from ``(N, C, H, W)`` and ``(N, D)``, its views and windows included."""
    if getattr(network, 'test_options', None):
        return lambda: network.prediction(inputs, dict.fromkeys(network.symmetries, descriptor))
    return lambda: network.logit_maps(inputs, descriptor)


def _parameters(module: nn.Module) -> dict[str, int]:
    counts = {True: 0, False: 0}
    for parameter in module.parameters():
        counts[parameter.requires_grad] += parameter.numel()
    return dict(trainable=counts[True], frozen=counts[False])


def _reading(parameters: int, flops: int) -> str:
    """What the paper's "4.04 million, 85.68 GFLOPs" at 512x512 is met by."""
    readings = {'FLOPs at 2 per MAC': flops, 'MACs': flops // 2}
    met = [f'{name} ({value / PAPER["operations"] - 1:+.2%})' for name, value in readings.items()
           if abs(value / PAPER['operations'] - 1) < 0.02]
    return (f"paper: 4.04 M ({parameters / PAPER['parameters'] - 1:+.2%} here) and 85.68 G, which "
            f"{'is met read as ' + ' and as '.join(met) if met else 'is met by neither MACs nor FLOPs at 2 per MAC'}; "
            'the pair is, digit for digit, what the common counter prints in MACs for ILNet-L')
