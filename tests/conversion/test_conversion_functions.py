"""Converted networks compute what the public ones do: AGPCNet, RDIAN and ISNet, once more over official names."""

import json
import lzma
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import deform_conv2d

from irstd_toolbox.conversion import SOURCES
from irstd_toolbox.registry import MODELS
from irstd_toolbox.training.config_edits import load_config

HERE = Path(__file__).parent
CONFIGS = HERE.parents[1] / 'configs' / 'baselines'
OFFICIAL = json.loads(lzma.decompress((HERE / 'official_state_dicts.json.xz').read_bytes()))


class Weights(dict):
    """Random tensors of a record's names and shapes, and layers by name."""

    def __init__(self, record: str) -> None:
        random = torch.Generator().manual_seed(0)
        super().__init__()
        for name, shape in OFFICIAL[record]:
            fan = max(1, torch.Size(shape[1:]).numel())
            value = torch.randn(shape, generator=random) / fan**0.5
            if name.endswith('running_var') or (len(shape) == 1 and name.endswith('weight')):
                value = 0.5 + torch.rand(shape, generator=random)
            self[name] = torch.tensor(3) if name.endswith('num_batches_tracked') else value

    def conv(self, name: str, x: Tensor, stride: int = 1, padding: int | None = None) -> Tensor:
        weight = self[f'{name}.weight']
        centred = tuple(side // 2 for side in weight.shape[2:])
        return F.conv2d(x, weight, self.get(f'{name}.bias'), stride, centred if padding is None else padding)

    def norm(self, name: str, x: Tensor) -> Tensor:
        return F.batch_norm(x, self[f'{name}.running_mean'], self[f'{name}.running_var'], self[f'{name}.weight'],
                            self[f'{name}.bias'])

    def both(self, name: str, x: Tensor, first: int = 0, **options: int) -> Tensor:
        """Convolution and norm that follow each other in a sequence."""
        return self.norm(f'{name}.{first + 1}', self.conv(f'{name}.{first}', x, **options))


def stretch(x: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(x, size=size, mode='bilinear', align_corners=True)


def rdian(w: Weights, x: Tensor) -> Tensor:
    differences = [w.conv(f'd1{i}', x) for i in range(1, 9)]
    where = sum(a * b for a, b in zip(differences[:4], differences[4:], strict=True)).sigmoid()
    first = F.leaky_relu(w.both('conv1', x))
    deep = F.leaky_relu(w.both('conv2', first + first * where, stride=2))
    fields = []
    for i, blocks in enumerate((1, 2, 2, 2)):
        y = deep
        for j in range(blocks):
            block = f'residual_block{i}.{j}'
            y = y + F.leaky_relu(w.both(f'{block}.layer2', F.leaky_relu(w.both(f'{block}.layer1', y))))
        fields.append(y)
    y = F.leaky_relu(w.both('conv_cat', torch.cat(fields, 1)))

    def mlp(v: Tensor) -> Tensor:
        name = 'cbam.ChannelGate.mlp'
        hidden = F.linear(v, w[f'{name}.1.weight'], w[f'{name}.1.bias']).relu()
        return F.linear(hidden, w[f'{name}.3.weight'], w[f'{name}.3.bias'])

    y = y * (mlp(y.mean((2, 3))) + mlp(y.amax((2, 3)))).sigmoid()[..., None, None]
    pooled = torch.cat([y.amax(1, True), y.mean(1, True)], 1)
    name = 'cbam.SpatialGate.spatial'
    y = y * w.norm(f'{name}.bn', w.conv(f'{name}.conv', pooled)).sigmoid()
    up = F.interpolate(y, size=x.shape[2:], mode='bilinear')
    y = (up + F.leaky_relu(w.both('conv_res', first))).relu()
    return w.conv('head.block.4', w.both('head.block', y).relu())


def residual(w: Weights, name: str, x: Tensor, stride: int = 1) -> Tensor:
    """A stage of ISNet's trunk."""
    for i in range(4):
        block, step = f'{name}.{i}', stride if i == 0 else 1
        y = w.both(f'{block}.body', w.both(f'{block}.body', x, stride=step).relu(), first=3)
        shortcut = f'{block}.downsample'
        x = (y + (w.both(shortcut, x, stride=step) if f'{shortcut}.0.weight' in w else x)).relu()
    return x


def two_orientations(w: Weights, name: str, deep: Tensor, shallow: Tensor) -> Tensor:
    deep, shallow = (w.conv(f'{name}.preprocess.1', w.conv(f'{name}.preprocess.0', x)) for x in (deep, shallow))
    total = 0
    for line, padding in (('dcn_colum', (1, 0)), ('dcn_row', (0, 1))):
        offset = w.conv(f'{name}.{line}.conv_offset', deep)
        attended = deform_conv2d(deep, offset, w[f'{name}.{line}.weight'], w[f'{name}.{line}.bias'], padding=padding)
        total = total + deep + attended.sigmoid() * shallow
    return total


def edge_block(w: Weights, name: str, x: Tensor, side: Tensor) -> Tensor:
    def change(block: str, u: Tensor) -> Tensor:
        u = w.norm(f'{name}.{block}.bn1', w.conv(f'{name}.{block}.conv1', u)).relu()
        return w.norm(f'{name}.{block}.bn2', w.conv(f'{name}.{block}.conv2', u))
    delta = change('res1', x)
    u2 = change('res2', (x + delta).relu()).relu()
    gate = f'{name}.gate._gate_conv'
    alpha = w.conv(f'{gate}.1', w.norm(f'{gate}.0', torch.cat([u2, side], 1))).relu()
    alpha = w.norm(f'{gate}.4', w.conv(f'{gate}.3', alpha)).sigmoid()
    return 3 * delta.relu() + u2 + w.conv(f'{name}.gate', u2 * (alpha + 1))


def isnet(w: Weights, x: Tensor) -> Tensor:
    size = x.shape[2:]
    y = w.both('stem', w.norm('stem.0', x), first=1, stride=2).relu()
    y = w.both('stem', w.both('stem', y, first=4).relu(), first=7).relu()
    c1 = residual(w, 'layer1', F.max_pool2d(y, 3, 2, 1))
    c2 = residual(w, 'layer2', c1, 2)
    c3 = residual(w, 'layer3', c2, 2)
    up2 = F.conv_transpose2d(c3, w['deconv2.weight'], w['deconv2.bias'], 2, 1)
    up2 = residual(w, 'uplayer2', two_orientations(w, 'TTOA_low', up2, c2))
    up1 = F.conv_transpose2d(up2, w['deconv1.weight'], w['deconv1.bias'], 2, 1)
    up1 = residual(w, 'uplayer1', two_orientations(w, 'TTOA_high', up1, c1))
    rows = F.conv2d(x, torch.tensor([[[[0., -1, 0], [0, 0, 0], [0, 1, 0]]]]), padding=1)
    columns = F.conv2d(x, torch.tensor([[[[0., 0, 0], [-1, 0, 1], [0, 0, 0]]]]), padding=1)
    edge = w.conv('dsup', (rows**2 + columns**2 + 1e-6).sqrt())
    for i, side in enumerate((c3, up2, up1), 1):
        edge = edge_block(w, f'myb{i}', edge, stretch(w.conv(f'dsn{i}', side), size))
    fine = F.interpolate(up1, size=size, mode='bilinear')
    fine = fine + w.conv('fuse', edge).sigmoid() * fine
    return w.conv('head.block.4', w.both('head.block', fine).relu())


def non_local(w: Weights, name: str, x: Tensor) -> Tensor:
    query, key, value = (w.conv(f'{name}.{part}_conv', x).flatten(2) for part in ('query', 'key', 'value'))
    weights = torch.einsum('nci,ncj->nij', query, key).softmax(2)
    return w[f'{name}.gamma'] * torch.einsum('nij,ncj->nci', weights, value).view_as(x) + x


def context(w: Weights, name: str, x: Tensor, scale: int) -> Tensor:
    attention = f'{name}.attention'
    gca = non_local(w, f'{attention}.non_local_att', F.adaptive_max_pool2d(x, scale))
    gca = w.both(f'{attention}.conv_att', w.both(f'{attention}.conv_att', gca).relu(), first=3).sigmoid()
    out = torch.zeros_like(x)
    cuts = [[i * (side // scale) for i in range(scale)] + [side] for side in x.shape[2:]]
    for i in range(scale):
        for j in range(scale):
            here = ..., slice(cuts[0][i], cuts[0][i + 1]), slice(cuts[1][j], cuts[1][j + 1])
            out[here] = non_local(w, f'{name}.non_local', x[here]) * gca[:, :, i:i + 1, j:j + 1]
    return (w[f'{name}.gamma'] * w.both(f'{name}.conv', out) + x).relu()


def asymmetric(w: Weights, name: str, high: Tensor, low: Tensor) -> Tensor:
    high = w.both(f'{name}.plus_conv', high).relu()
    pixels = w.both(f'{name}.pa', w.both(f'{name}.pa', low).relu(), first=3).sigmoid()
    pooled = high.mean((2, 3), keepdim=True)
    channels = w.both(f'{name}.ca', w.both(f'{name}.ca', pooled, first=1).relu(), first=4).sigmoid()
    return w.both(f'{name}.end_conv', low + high).relu() * channels * pixels


def agpcnet(w: Weights, grey: Tensor) -> Tensor:
    """``grey``: 0..1. Outside the image lies the grey that our preprocessor takes off, as in our networks."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    rgb = F.pad(grey, (3, 3, 3, 3), value=114.495 / 255)
    rgb = (rgb - mean[:, None, None]) / std[:, None, None]
    x, maps = w.norm('backbone.bn1', w.conv('backbone.conv1', rgb, padding=0)).relu(), []
    for stage in range(1, 5):
        for i in range(2):
            block, step = f'backbone.layer{stage}.{i}', 2 if stage > 1 and i == 0 else 1
            y = w.norm(f'{block}.bn1', w.conv(f'{block}.conv1', x, step)).relu()
            y = w.norm(f'{block}.bn2', w.conv(f'{block}.conv2', y))
            x = (y + (w.both(f'{block}.downsample', x, stride=step) if step == 2 else x)).relu()
        maps.append(x)
    reduced = w.both('context.conv1', maps[3]).relu()
    blocks = [context(w, f'context.scale_list.{i}', reduced, scale) for i, scale in enumerate((10, 6, 5, 3))]
    y = w.both('context.conv2', torch.cat([reduced, *blocks], 1)).relu()
    y = asymmetric(w, 'fuse23', stretch(y, maps[2].shape[2:]), maps[2])
    y = asymmetric(w, 'fuse12', stretch(y, maps[1].shape[2:]), maps[1])
    return stretch(w.conv('head.block.4', w.both('head.block', y).relu()), grey.shape[2:])


@pytest.mark.parametrize(('record', 'source', 'config', 'function', 'size'), [
    ('agpcnet_1', 'agpcnet', 'agpcnet_nuaa_sirst', agpcnet, (80, 96)),
    ('rdian_official', 'rdian', 'rdian_nuaa_sirst', rdian, (33, 48)),
    ('basicirstd_ISNet', 'basicirstd-isnet', 'isnet_nuaa_sirst', isnet, (48, 64)),
], ids=['agpcnet', 'rdian', 'isnet'])
def test_a_converted_network_computes_the_public_function(record, source, config, function, size):
    official, random = Weights(record), torch.Generator().manual_seed(1)
    for i in range(1, 9):
        kernel = official.get(f'd1{i}.weight')
        if kernel is not None:
            row, column = [(-2, -2), (-2, 0), (-2, 2), (0, 2), (2, 2), (2, 0), (2, -2), (0, -2)][i - 1]
            kernel.zero_()
            kernel[0, 0, 2, 2], kernel[0, 0, 2 + row, 2 + column] = 1, -1
    model = MODELS.build(load_config(CONFIGS / f'{config}.py', []).model).eval()
    model.load_state_dict(SOURCES[source].convert(official))
    grey = torch.rand(1, 1, *size, generator=random)
    with torch.no_grad():
        inputs = model.data_preprocessor(dict(inputs=255 * grey, data_samples=None))['inputs']
        expected = function(official, grey if function is agpcnet else inputs)
        found = model(inputs)[0]
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * expected.std().item())
