"""tools/predict.py --recursive: images in folders below the one that is named."""

import json
from pathlib import Path

import cv2
import numpy as np


def test_folders_are_entered_where_that_is_asked_for_but_not_results(load_tool, trained, tmp_path):
    folder = tmp_path / 'images'
    for name in ('a.png', 'Flug 1/a.png', 'Flug 1/ä b.png', '.cache/c.png'):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imencode('.png', np.eye(9, dtype=np.uint8) * 200)[1].tofile(folder / name)
    (tmp_path / 'list.txt').write_text('a\nFlug 1/ä b\n')
    for arguments, names in (*(([], ['Flug 1/a', 'Flug 1/ä b', 'a']),) * 2,
                             (['--split', str(tmp_path / 'list.txt')], ['Flug 1/ä b', 'a'])):
        assert not load_tool('predict').main([
            str(trained.parent / 'tiny.py'), str(trained / 'best.pth'), str(folder), '--out', str(folder),
            '--recursive', *arguments])
        told = json.loads((folder / 'targets.json').read_text())['images']
        below = [Path(one['image']) for one in told], [file.relative_to(folder / 'masks') for file in
                                                       (folder / 'masks').rglob('*.png')]
        assert [sorted(file.with_suffix('').as_posix() for file in files) for files in below] == [names, names]
