"""Converted weights of the ACM family compute what the public implementations compute, written here a second time."""

import json
import lzma
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from irstd_toolbox.conversion.grey import GREY_MEAN, GREY_STD
from irstd_toolbox.conversion.writing import convert
from irstd_toolbox.registry import MODELS
from irstd_toolbox.training.config_edits import load_config

HERE = Path(__file__).parent
OFFICIAL = json.loads(lzma.decompress((HERE / 'official_state_dicts.json.xz').read_bytes()))
RECORDS = {record: entry for name in ('acm-pytorch', 'basicirstd-acm', 'basicirstd-alcnet', 'open-acm', 'open-alcnet')
           for record, entry in json.loads((HERE / 'records' / f'{name}.json').read_text()).items()}
State = dict[str, Tensor]


def random_state(record: str) -> State:
    """Tensors of the official names and shapes, such that activations stay of order one; doubles."""
    torch.manual_seed(0)
    state = {}
    for name, shape in OFFICIAL[record]:
        last = name.rpartition('.')[2]
        if last == 'num_batches_tracked':
            state[name] = torch.tensor(5)
        elif name in ('stem.0.gamma', 'stem.0.beta'):  # fixed in MXNet's networks, by scale=False and center=False
            state[name] = torch.full(shape, float(last == 'gamma')).double()
        elif last in ('running_var', 'gamma') or (last == 'weight' and len(shape) == 1):
            state[name] = torch.rand(shape).double() + 0.5
        elif len(shape) == 4:
            state[name] = torch.randn(shape).double() / (shape[1] * shape[2] * shape[3]) ** 0.5
        else:
            state[name] = torch.randn(shape).double() * 0.3
    return state


def conv(state: State, name: str, x: Tensor, stride: int = 1) -> Tensor:
    weight = state[f'{name}.weight']
    return F.conv2d(x, weight, state.get(f'{name}.bias'), stride, weight.shape[-1] // 2)


def deconv(state: State, name: str, x: Tensor) -> Tensor:
    return F.conv_transpose2d(x, state[f'{name}.weight'], state[f'{name}.bias'], 2, 1)


def norm(state: State, name: str, x: Tensor) -> Tensor:
    affine = ('gamma', 'beta') if f'{name}.gamma' in state else ('weight', 'bias')
    return F.batch_norm(x, *(state[f'{name}.{key}'] for key in ('running_mean', 'running_var', *affine)))


def stage(state: State, name: str, x: Tensor, stride: int = 1) -> Tensor:
    for i in range(4):
        block = f'{name}.{i}'
        convs, norms = (('body.0', 'body.3'), ('body.1', 'body.4'))
        if f'{block}.conv1.weight' in state:
            convs, norms = ('conv1', 'conv2'), ('bn1', 'bn2')
        elif f'{block}.body.0.weight' not in state:
            break
        first = stride if i == 0 else 1
        y = norm(state, f'{block}.{norms[0]}', conv(state, f'{block}.{convs[0]}', x, first)).relu()
        y = norm(state, f'{block}.{norms[1]}', conv(state, f'{block}.{convs[1]}', y))
        if f'{block}.downsample.0.weight' in state:
            x = norm(state, f'{block}.downsample.1', conv(state, f'{block}.downsample.0', x, first))
        x = (x + y).relu()
    return x


def gate(state: State, name: str, x: Tensor) -> Tensor:
    start = 0 if f'{name}.0.weight' in state else 1  # the pooling layer has the first index
    if start:
        x = x.mean((2, 3), keepdim=True)
    x = norm(state, f'{name}.{start + 1}', conv(state, f'{name}.{start}', x)).relu()
    return norm(state, f'{name}.{start + 4}', conv(state, f'{name}.{start + 3}', x)).sigmoid()


def fuse(state: State, name: str, high: Tensor, low: Tensor) -> Tensor:
    if f'{name}.feature_high.0.weight' in state:
        high = norm(state, f'{name}.feature_high.1', conv(state, f'{name}.feature_high.0', high)).relu()
    mixed = 2 * low * gate(state, f'{name}.topdown', high) + 2 * high * gate(state, f'{name}.bottomup', low)
    return norm(state, f'{name}.post.1', conv(state, f'{name}.post.0', mixed)).relu()


def enlarge(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)


def contrast(x: Tensor) -> Tensor:
    """Of the distances 13 and 17 the larger of the smallest products over four directions, around the map's edges."""
    rows, columns = (torch.arange(side) for side in x.shape[-2:])
    least = []
    for d in (13, 17):
        products = []
        for dy, dx in ((d, d), (d, 0), (d, -d), (0, d)):
            one, other = (x[..., (rows + sign * dy) % len(rows), :][..., (columns + sign * dx) % len(columns)]
                          for sign in (1, -1))
            products.append((one - x) * (other - x))
        least.append(torch.stack(products).min(0).values)
    return torch.maximum(*least)


def project(state: State, name: str, x: Tensor) -> Tensor:
    return norm(state, f'{name}.1', conv(state, f'{name}.0', x)).relu()


def modulate(state: State, name: str, high: Tensor, low: Tensor) -> Tensor:
    low = norm(state, f'{name}.bn2', low)
    high = F.interpolate(high, size=low.shape[-2:], mode='bilinear', align_corners=True)
    return gate(state, f'{name}.bottomup_att', low) * norm(state, f'{name}.bn1', high) + low


def official_forward(record: str, state: State, x: Tensor) -> Tensor:
    """Logits of the public implementation at a size that 16 divides."""
    x = norm(state, 'stem.0', x)
    full_size = record.startswith('open')
    for i, stride in ((1, 1),) if full_size else ((1, 2), (4, 1), (7, 1)):
        x = norm(state, f'stem.{i + 1}', conv(state, f'stem.{i}', x, stride)).relu()
    c1 = stage(state, 'layer1', x if full_size else F.max_pool2d(x, 3, 2, 1))
    c2 = stage(state, 'layer2', c1, 2)
    c3 = stage(state, 'layer3', c2, 2)
    if record == 'open_alcnet':
        x, shallow = (project(state, f'dec_c{level}', contrast(c)) for level, c in ((3, c3), (2, c2)))
        x = modulate(state, 'bottomuplocal_fpn_2', x, shallow)
        x = modulate(state, 'bottomuplocal_fpn_1', x, contrast(c1))
    elif 'FPN' in record:
        x = fuse(state, 'fuse12', enlarge(fuse(state, 'fuse23', enlarge(c3, 2), c2), 2), c1)
    elif record == 'basicirstd_ALCNet':
        x = fuse(state, 'fuse23', deconv(state, 'deconv2', c3), c2)
        x = deconv(state, 'deconv0', fuse(state, 'fuse12', deconv(state, 'deconv1', x), c1))
    else:
        x = stage(state, 'uplayer2', fuse(state, 'fuse2', deconv(state, 'deconv2', c3), c2))
        x = stage(state, 'uplayer1', fuse(state, 'fuse1', deconv(state, 'deconv1', x), c1))
    x = norm(state, 'head.block.1', conv(state, 'head.block.0', x)).relu()
    x = conv(state, 'head.block.4', x)
    return x if full_size else enlarge(x, 2 if record == 'basicirstd_ALCNet' else 4)


def official_input(record: str, grey: Tensor) -> Tensor:
    if record.startswith('basicirstd'):
        return (grey - 101.064) / 34.620
    mean, std = (torch.tensor(values, dtype=torch.double).view(1, 3, 1, 1)
                 for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return (grey / 255 - mean) / std


@pytest.mark.parametrize('record', sorted(RECORDS))
def test_the_converted_network_computes_the_official_function_of_a_grey_image(record: str) -> None:
    source, config, options = RECORDS[record]
    model = MODELS.build(load_config(HERE.parents[1] / 'configs' / f'{config}.py', options).model).double().eval()
    state = random_state(record)
    model.load_state_dict(convert(state, source, model, record), strict=True)
    grey = torch.randint(0, 256, (1, 1, 64, 96)).double()
    own = model.data_preprocessor
    with torch.no_grad():
        maps = model.logit_maps(((grey - own.mean) / own.std).expand(-1, own.channels, -1, -1), None)
        expected = official_forward(record, state, official_input(record, grey))
    assert 0.01 < expected.std() < 100
    torch.testing.assert_close(maps[0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('form', ['fpn', 'unet'])
def test_the_statistics_moved_into_the_weights_are_those_of_the_config(form: str) -> None:
    cfg = load_config(HERE.parents[1] / f'configs/_base_/models/acm_{form}.py', []).model.data_preprocessor
    assert (cfg.mean, cfg.std) == (GREY_MEAN, GREY_STD)


def test_names_with_basicirstds_prefix_are_taken_too() -> None:
    source, config, options = RECORDS['basicirstd_ACM']
    model = MODELS.build(load_config(HERE.parents[1] / 'configs' / f'{config}.py', options).model)
    state = random_state('basicirstd_ACM')
    plain = convert(state, source, model, 'plain')
    wrapped = convert({f'model.{name}': tensor for name, tensor in state.items()}, source, model, 'wrapped')
    torch.testing.assert_close(wrapped, plain, rtol=0, atol=0)
