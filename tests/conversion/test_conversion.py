"""Official weights under our names: every record of a public state dict, and the reading of foreign files.

``official_state_dicts.json.xz`` holds names and shapes, in order, of public implementations' state dicts; no weights.
``records/<source>.json`` says which source and config each record belongs to. ``places.json`` holds a hash of what
tensor goes under what name, as it is now: it shows that this changes, not that it was right.
"""

import hashlib
import io
import json
import lzma
import pickle
import re
import shlex
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from irstd_toolbox.conversion import SOURCES, renamed
from irstd_toolbox.conversion.reading import read_weights
from irstd_toolbox.conversion.writing import convert, convert_file
from irstd_toolbox.errors import CheckpointError
from irstd_toolbox.registry import MODELS
from irstd_toolbox.training.checkpoint import load_weights
from irstd_toolbox.training.config_edits import load_config
from irstd_toolbox.training.publishing import publish

HERE = Path(__file__).parent
OFFICIAL = json.loads(lzma.decompress((HERE / 'official_state_dicts.json.xz').read_bytes()))
RECORDS = {record: entry for path in sorted((HERE / 'records').glob('*.json'))
           for record, entry in json.loads(path.read_text()).items()}
PLACES = json.loads((HERE / 'places.json').read_text())

# Numbers (parameters and statistics) of a record that have no place in ours; their conversions say why.
NEVER_RUN = {'basicirstd_ALCNet': 93_696, 'basicirstd_ISNet': 104_307, 'basicirstd_ISTDU-Net': 9_297,
             'hdnet_warm1': 11_402, 'l2sknet_L2SKNet_1D_FPN': 507_904, 'l2sknet_L2SKNet_1D_UNet': 507_904,
             'rpcanet_pp': 46_240, 'rpcanet_pp_s3': 46_240, 'sctransnet': 122_944}
FIXED_KERNELS = {'basicirstd_RDIAN': 200, 'rdian_official': 200}
SECOND_CLASS = {'repisd_deploy': 33, 'repisd_train': 33}
FOLDED_NORM = {'ilnet_L': 4, 'ilnet_S': 4}
LEFT_OUT = NEVER_RUN | FIXED_KERNELS | SECOND_CLASS | FOLDED_NORM


def official(record: str) -> dict[str, torch.Tensor]:
    """Tensors of the official names and shapes, each of other values."""
    return {name: torch.full(shape, i, dtype=torch.long if name.endswith('num_batches_tracked') else torch.float32)
            for i, (name, shape) in enumerate(OFFICIAL[record], 1)}


def places(weights: dict[str, torch.Tensor]) -> str:
    """Hash of the number that each name's tensor has in :func:`official`; None of one that is computed."""
    ends = {name: tensor.flatten()[[0, -1]].tolist() for name, tensor in sorted(weights.items())}
    numbers = {name: int(first) if first == last == int(first) else None for name, (first, last) in ends.items()}
    return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()[:12]


def build(record: str) -> tuple[str, dict]:
    source, config, options = RECORDS[record]
    return source, load_config(HERE.parents[1] / 'configs' / f'{config}.py', options).model


def test_every_record_has_a_source_and_a_config():
    assert set(RECORDS) == set(OFFICIAL)
    assert {source for source, *_ in RECORDS.values()} <= set(SOURCES)


@pytest.mark.parametrize('record', sorted(RECORDS))
class TestRecord:

    def test_no_tensor_is_missing_left_over_or_of_another_shape(self, record):
        source, config = build(record)
        model = MODELS.build(config)
        weights = convert(official(record), source, model, record)
        model.load_state_dict(weights, strict=True)

    def test_every_tensor_has_its_place_and_no_number_is_dropped_but_those_accounted_for(self, record):
        given = official(record)
        converted = SOURCES[RECORDS[record][0]].convert(given)
        before, after = (sum(tensor.numel() for tensor in state.values() if tensor.is_floating_point())
                         for state in (given, converted))
        assert before - after == LEFT_OUT.get(record, 0)
        assert places(converted) == PLACES[record]


class Foreign(nn.Module):
    """A network of somebody else, pickled whole."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2)


class Attack:
    def __reduce__(self):
        return (Path.touch, (Path('executed'),))


class NestedAttack:
    """By a function of torch's own, which loads what it is given."""

    def __reduce__(self):
        buffer = io.BytesIO()
        torch.save(Attack(), buffer)
        return (torch.storage._load_from_bytes, (buffer.getvalue(),))


@pytest.fixture
def foreign_file(tmp_path, monkeypatch):
    """A whole network whose module cannot be imported any more, in both formats of torch.save."""
    def write(name: str = 'whole.pkl', zipped: bool = True) -> Path:
        module = types.ModuleType('somebody_elses_package')
        module.Foreign = type('Foreign', (Foreign,), {'__module__': module.__name__})
        monkeypatch.setitem(sys.modules, module.__name__, module)
        torch.manual_seed(0)
        torch.save(module.Foreign(), tmp_path / name, _use_new_zipfile_serialization=zipped)
        monkeypatch.delitem(sys.modules, module.__name__)
        return tmp_path / name
    return write


@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
def test_a_whole_pickled_network_is_read_without_its_code(foreign_file, zipped):
    path = foreign_file(zipped=zipped)
    torch.manual_seed(0)
    expected = Foreign().state_dict()
    found = read_weights(path)
    assert list(found) == list(expected)
    torch.testing.assert_close(found, dict(expected), rtol=0, atol=0)


@pytest.mark.parametrize('beside', [{}, {'log': types.SimpleNamespace(a=1)}], ids=['plain', 'foreign'])
@pytest.mark.parametrize('loss', [0.5, torch.tensor(0.5)], ids=['number', 'tensor'])
def test_a_state_dict_under_another_name_is_read(tmp_path, beside, loss):
    torch.save({'epoch': 3, 'loss': loss, 'net': {'module.w': torch.ones(2)}, **beside}, tmp_path / 'a.tar')
    assert {name: tensor.tolist() for name, tensor in read_weights(tmp_path / 'a.tar').items()} == {'w': [1, 1]}


@pytest.mark.parametrize('trap', [Attack(), NestedAttack()])
def test_code_in_a_file_is_not_executed(tmp_path, monkeypatch, trap):
    monkeypatch.chdir(tmp_path)
    torch.save({'net': {'w': torch.ones(2)}, 'trap': trap}, 'evil.pth')
    assert list(read_weights('evil.pth')) == ['w']
    assert not Path('executed').exists()


def test_a_file_without_tensors_is_refused(tmp_path):
    torch.save({'a': [1, 2], 'b': types.SimpleNamespace()}, tmp_path / 'empty.pth')
    with pytest.raises(CheckpointError, match='holds no tensors by name'):
        read_weights(tmp_path / 'empty.pth')


def test_a_file_that_torch_did_not_write_is_refused(tmp_path):
    (tmp_path / 'text.pth').write_bytes(pickle.dumps('nothing')[:-1])
    with pytest.raises(CheckpointError, match='text.pth cannot be read'):
        read_weights(tmp_path / 'text.pth')


def test_a_name_that_no_rule_knows_is_named():
    with pytest.raises(CheckpointError, match="'fc.bias' is not a name of this source"):
        renamed({'conv.weight': torch.ones(1), 'fc.bias': torch.ones(1)}, [('conv', 'backbone.conv')])


def test_two_names_that_become_one_are_refused():
    with pytest.raises(CheckpointError, match='became already'):
        renamed({'a1': torch.ones(1), 'a2': torch.ones(1)}, [(r'a\d', 'a')])


def test_the_first_rule_that_fits_is_applied_at_the_start_of_a_name_only():
    renamed_state = renamed({'up.conv.up': 1, 'x.up': 2}, [('up', 'neck.up'), ('x', 'y')])
    assert renamed_state == {'neck.up.conv.up': 1, 'y.up': 2}


def test_a_converted_file_loads_into_the_configs_model_and_says_where_it_is_from(tmp_path):
    source, config = build('acmpt_FPN_AsymBi')
    torch.save(official('acmpt_FPN_AsymBi'), tmp_path / 'official.pkl')
    count = convert_file(config, source, tmp_path / 'official.pkl', tmp_path / 'ours.pth')
    model = MODELS.build(config)
    checkpoint = load_weights(model, tmp_path / 'ours.pth')
    assert count == len(OFFICIAL['acmpt_FPN_AsymBi']) == len(checkpoint['state_dict'])
    about = checkpoint['meta']['converted']
    assert (about['source'], about['file'], about['licence']) == ('acm-pytorch', 'official.pkl', 'MIT')
    assert publish(tmp_path / 'ours.pth', tmp_path / 'ours.safetensors')['converted'] == about


@pytest.mark.parametrize(('source', 'record', 'error'), [
    ('dnanet', 'basicirstd_DNANet', 'RuntimeError: size mismatch'),
    ('hdnet', 'mshnet_warm0', 'KeyError: .network.entry')])
def test_what_a_source_cannot_join_is_no_traceback(source, record, error):
    with pytest.raises(CheckpointError, match=f'official.pkl is not what --from {source} converts .{error}'):
        convert(official(record), source, nn.Conv2d(1, 1, 1), 'official.pkl')


@pytest.mark.parametrize(('out', 'words'), [
    ('official.pkl', 'is what is read'), ('ours.safetensors', 'Name it .pth')])
def test_a_place_that_would_not_hold_the_outcome_is_refused(tmp_path, out, words):
    torch.save({'other.weight': torch.ones(3)}, tmp_path / 'official.pkl')
    before = (tmp_path / 'official.pkl').read_bytes()
    with pytest.raises(CheckpointError, match=words):
        convert_file({}, 'dnanet', tmp_path / 'official.pkl', tmp_path / out)
    assert (tmp_path / 'official.pkl').read_bytes() == before


@pytest.mark.parametrize('damage', ['missing', 'shape'])
def test_a_file_that_lacks_a_tensor_or_has_another_shape_leaves_nothing_behind(tmp_path, damage):
    source, config = build('acmpt_FPN_AsymBi')
    state = official('acmpt_FPN_AsymBi')
    name = 'head.block.0.weight'
    if damage == 'missing':
        del state[name]
    else:
        state[name] = state[name][:1]
    torch.save(state, tmp_path / 'official.pkl')
    words = '1 missing in the file' if damage == 'missing' else '1 of another size'
    with pytest.raises(CheckpointError, match=f'{words}: decode_head.block.0.weight'):
        convert_file(config, source, tmp_path / 'official.pkl', tmp_path / 'ours.pth')
    assert not (tmp_path / 'ours.pth').exists()


def test_a_file_of_another_network_leaves_nothing_behind(tmp_path):
    source, config = build('acmpt_FPN_AsymBi')
    torch.save({'other.weight': torch.ones(3)}, tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match=r"'other.weight' is not a name of this source"):
        convert_file(config, source, tmp_path / 'other.pth', tmp_path / 'ours.pth')
    assert not (tmp_path / 'ours.pth').exists()


@pytest.fixture
def convert_by_tool(load_tool: Callable, tmp_path: Path, capsys: pytest.CaptureFixture) -> Callable[[str], str]:
    """What tools/convert_weights.py says of a record."""
    def convert(record: str) -> str:
        source, config, options = RECORDS[record]
        torch.save(official(record), tmp_path / 'theirs.pth')
        load_tool('convert_weights').main([
            str(HERE.parents[1] / 'configs' / f'{config}.py'), str(tmp_path / 'theirs.pth'), '--from', source, '--out',
            str(tmp_path / 'our own.pth'), *(['--cfg-options', *options] if options else [])])
        return capsys.readouterr().out
    return convert


def test_the_command_that_tests_what_was_converted_has_its_options(convert_by_tool, tmp_path):
    record = next(record for record, (_, _, options) in sorted(RECORDS.items()) if options)
    said = re.search('`(.*)`', convert_by_tool(record))[1]
    words = shlex.split(said)
    assert words[3:] == [str(tmp_path / 'our own.pth'), '--cfg-options', *RECORDS[record][2]]


def test_a_source_that_trains_each_data_set_with_its_own_statistics_says_so(convert_by_tool):
    own = {name for name, entry in SOURCES.items() if entry.statistics}
    assert own == {'sctransnet', *(name for name in SOURCES if name.startswith('basicirstd'))}
    said = convert_by_tool('basicirstd_ACM')
    assert '101.064 and 34.620 on NUAA-SIRST' in said and 'the config has 101.064 and 34.62. Where' in said
    assert 'mean and std' not in convert_by_tool('rdian_official')
