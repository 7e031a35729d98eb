"""The page on use in Python is run as it is printed."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from irstd_toolbox.registry import TRANSFORMS


def test_the_blocks_of_the_page_run_in_their_order(
    repository: Path, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    page = (repository / 'docs/library.md').read_text('utf-8')
    monkeypatch.chdir(config.parent)
    monkeypatch.setattr(TRANSFORMS, '_module_dict', dict(TRANSFORMS.module_dict))
    config.rename('my_config.py')
    for kind in ('image', 'mask'):
        shutil.copy(f'data/{kind}s/scene_0.png', f'{kind}.png')
    truth = np.eye(8, dtype=bool)
    names = dict(__name__='page', images=[('a', truth * 0.9, truth), ('b', ~truth * 0.9, truth)])
    for block in re.findall(r'```python\n(.*?)```', page, re.DOTALL):
        if 'IRSTDRunner' not in block:  # of which the training's tests are
            exec(block, names)
        if not Path('theirs.csv').exists():
            shutil.copy('counts.csv', 'theirs.csv')
    assert names['measure'](names['protocols'][0], [names['scores'][0].counts['canonical']])['IoU'] == 1
    assert names['compare'](*[[names['ours'][i] for i in 'ab']] * 2, names['protocols'][0])['IoU'].difference.value == 0
    assert names['metric'].results_json['fingerprint']['images'] == 2
    assert names['found'].mask.shape == names['scene'].mask.shape == (20, 24)
    assert 'The small target lies in the' in capsys.readouterr().out
