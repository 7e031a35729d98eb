"""A data set in other forms: folders as other code expects them, boxes, centroids."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from irstd_toolbox.datasets.holdout import carve
from irstd_toolbox.diagnosis.audit import Audit
from irstd_toolbox.diagnosis.leakage import sides
from irstd_toolbox.diagnosis.lists import families
from irstd_toolbox.diagnosis.statistics import Target
from irstd_toolbox.diagnosis.writing import fresh_folder, usable, write_image, write_list, write_mask
from irstd_toolbox.errors import ConfigError, DataError

__all__ = ['FORMATS', 'check_form', 'export']

HOLDOUT = 0.1
"""Share of the training images that become YOLO's ``val`` where the data set has no such list."""

_CATEGORY = 'target'
Watch = Callable[[Iterable], Iterable]


def export(audit: Audit, form: str, out: str | Path, watch: Watch = iter) -> int:
    """Write the data set in another form; images that cannot be used are left out. Descriptions do not go along.

    Args:
        audit: What was found.
        form: A key of :data:`FORMATS`.
        out: Where to write: missing or empty.
        watch: Wraps the ids as they are written; for a progress bar.

    Returns:
        The number of images written (of ``points``: of images looked at).

    Raises:
        ConfigError: If the form is not known, or ``out`` holds something or is part of the data set.
        DataError: If no image has a mask.
    """
    check_form(form)
    ids = [one for one in usable(audit) if audit.facts[one].mask]
    if not ids:
        raise DataError(f'{audit.layout.root}: no image has a mask that can be read, so there is nothing to export.')
    with fresh_folder(out, audit.layout.root) as folder:
        return FORMATS[form](audit, ids, _splits(audit, ids), folder, watch)


def check_form(form: str) -> None:
    """Refuse a form that is not known."""
    if form not in FORMATS:
        raise ConfigError(f'export format {form!r} is not known. Known: {", ".join(FORMATS)}.')


def _splits(audit: Audit, ids: Iterable[str]) -> dict[str, list[str]]:
    """What the plain names ``trainval``, ``train``, ``val`` and ``test`` mean, as far as there are such lists."""
    kept, groups = set(ids), families(audit.layout)
    return {base: [one for one in listed if one in kept]
            for base, listed in (groups[0].splits if groups else {}).items() if base != 'trainvaltest'}


def _pairs(audit: Audit, ids: list[str], folder: Path, watch: Watch, suffix: str = '') -> int:
    for one in watch(ids):
        write_image(audit.layout.images[one], folder / 'images', one)
        write_mask(audit, one, folder / 'masks' / f'{one}{suffix}.png')
    return len(ids)


def _nuaa(audit: Audit, ids: list[str], splits: Mapping[str, list[str]], folder: Path, watch: Watch) -> int:
    """L1, official SIRST."""
    count = _pairs(audit, ids, folder, watch, '_pixels0')
    for base, listed in splits.items():
        write_list(folder / f'idx_{count}' / f'{base}.txt', listed)
    return count


def _mshnet(audit: Audit, ids: list[str], splits: Mapping[str, list[str]], folder: Path, watch: Watch) -> int:
    """L6."""
    for base, listed in _with_trainval(splits).items():
        write_list(folder / f'{base}.txt', listed)
    return _pairs(audit, ids, folder, watch)


def _basicirstd(audit: Audit, ids: list[str], splits: Mapping[str, list[str]], folder: Path, watch: Watch) -> int:
    """L4; what is trained on is all of trainval."""
    splits = _with_trainval(splits)
    for base, source in (('train', 'trainval'), ('test', 'test')):
        if source in splits:
            write_list(folder / 'img_idx' / f'{base}_{audit.layout.name}.txt', splits[source])
    return _pairs(audit, ids, folder, watch)


def _coco(audit: Audit, ids: list[str], splits: Mapping[str, list[str]], folder: Path, watch: Watch) -> int:
    """images/ and annotations/instances_SPLIT.json, boxes ``[x, y, width, height]`` in pixels."""
    names = {one: write_image(audit.layout.images[one], folder / 'images', one) for one in watch(ids)}
    numbers = {one: number for number, one in enumerate(ids, start=1)}
    (folder / 'annotations').mkdir()
    for base, listed in (splits or {'all': ids}).items():
        images = [dict(id=numbers[one], file_name=names[one].relative_to(folder / 'images').as_posix(),
                       height=audit.facts[one].shape[0], width=audit.facts[one].shape[1]) for one in listed]
        boxes = [dict(image_id=numbers[one], category_id=1, bbox=list(target.box), area=target.area, iscrowd=0,
                      segmentation=[]) for one in listed for target in audit.facts[one].targets]
        content = dict(
            info=dict(description=f'{audit.layout.name} {base}'), images=images,
            annotations=[dict(id=number, **box) for number, box in enumerate(boxes, start=1)],
            categories=[dict(id=1, name=_CATEGORY)])
        (folder / 'annotations' / f'instances_{base}.json').write_text(json.dumps(content), encoding='utf-8')
    return len(names)


def _yolo(audit: Audit, ids: list[str], splits: Mapping[str, list[str]], folder: Path, watch: Watch) -> int:
    """images/SPLIT/, labels/SPLIT/ID.txt with ``0 x y width height`` in shares of the image, data.yaml.

    data.yaml names no ``path``: then YOLO's code takes the folder that the file lies in.
    """
    validating = splits.get('val', [])
    training = splits.get('train') or splits.get('trainval') or ([] if splits else ids)
    if not splits.get('train'):
        training = [one for one in training if one not in set(validating)]
    parts = {'train': training, 'val': validating, 'test': splits.get('test', [])}
    if not parts['val'] and len(training) > 1:
        parts |= {'train': carve(training, HOLDOUT, 'fit'), 'val': carve(training, HOLDOUT, 'holdout')}
    parts = {part: listed for part, listed in parts.items() if listed}
    places = [(part, one) for part, listed in parts.items() for one in listed]
    for part, one in watch(places):
        write_image(audit.layout.images[one], folder / 'images' / part, one)
        label = folder / 'labels' / part / f'{one}.txt'
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(''.join(_yolo_line(target, audit.facts[one].shape) for target in audit.facts[one].targets))
    lines = [f'{part}: images/{part}' for part in parts]
    (folder / 'data.yaml').write_text('\n'.join([*lines, 'names:', f'  0: {_CATEGORY}', '']))
    return len({one for _, one in places})


def _points(audit: Audit, ids: list[str], splits: Mapping[str, list[str]], folder: Path, watch: Watch) -> int:
    """points.csv: the centroid of every target, pixel centres at whole numbers."""
    side = sides(ids, families(audit.layout))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['image_id', 'side', 'target', 'x', 'y', 'area'])
    for one in watch(ids):
        for number, target in enumerate(audit.facts[one].targets):
            writer.writerow([one, side[one], number, round(target.x, 4), round(target.y, 4), target.area])
    (folder / 'points.csv').write_bytes(text.getvalue().encode())
    return len(ids)


def _with_trainval(splits: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """``splits`` with ``trainval``, as train and val where there is none."""
    both = list(dict.fromkeys([*splits.get('train', ()), *splits.get('val', ())]))
    return {**({'trainval': both} if both else {}), **splits}


def _yolo_line(target: Target, shape: tuple[int, int]) -> str:
    (left, top, width, height), (rows, columns) = target.box, shape
    values = (left + width / 2) / columns, (top + height / 2) / rows, width / columns, height / rows
    return '0 ' + ' '.join(f'{value:.8f}' for value in values) + '\n'


FORMATS: dict[str, Callable[..., int]] = {
    'nuaa': _nuaa, 'mshnet': _mshnet, 'basicirstd': _basicirstd, 'coco': _coco, 'yolo': _yolo, 'points': _points}
"""Form to what writes it and says how many images it wrote."""
