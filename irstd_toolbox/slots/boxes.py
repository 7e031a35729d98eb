"""Boxes: folders of a bounded size that are carried into a slot, one a call, and are put together again there."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from irstd_toolbox.errors import ConfigError

__all__ = ['Item', 'fill', 'write_boxes']

MIB = 2**20
_FRAME = 98304
"""Bytes of a box for its list of contents and ``start.py``."""


@dataclass(frozen=True)
class Item:
    """A file to carry.

    Args:
        name: Its name on the other side.
        kind: ``'source'``, ``'plan'``, ``'wheel'``, ``'data'``, ``'files'`` or ``'state'``.
        data: Its bytes.
    """

    name: str
    kind: str
    data: bytes


def fill(sizes: list[int], room: int) -> list[list[tuple[int, int, int]]]:
    """Distribute files over boxes, in order; a file that does not fit into the rest of a box is cut.

    Args:
        sizes: Bytes of each file.
        room: Bytes of a box.

    Returns:
        For each box its pieces: file, offset, bytes.

    Example:
        >>> fill([5, 4], 6)
        [[(0, 0, 5), (1, 0, 1)], [(1, 1, 3)]]
    """
    boxes: list[list[tuple[int, int, int]]] = [[]]
    left = room
    for number, size in enumerate(sizes):
        at = 0
        while at < size:
            if not left:
                boxes.append([])
                left = room
            length = min(left, size - at)
            boxes[-1].append((number, at, length))
            at, left = at + length, left - length
    return boxes


def write_boxes(items: list[Item], out: Path, limit_mib: float, most: int, start: Path) -> list[Path]:
    """Write ``box_1``, ``box_2``, ... into ``out``, in the place of those of an earlier packing.

    Args:
        items: What to carry, the smallest kinds first.
        out: The folder; what else is in it stays.
        limit_mib: MiB of a box.
        most: How many boxes there may be.
        start: The script that a slot begins with.

    Raises:
        ConfigError: If they are not enough, with the sizes of what is to be carried; or if ``out`` holds something by
            the name of a box that is none.
    """
    earlier = [path for path in out.glob('box_*') if path.name.removeprefix('box_').isdigit()]
    strange = [path for path in earlier if not path.is_dir() or any(map(_is_strange, path.iterdir()))]
    if strange:
        raise ConfigError(f'{strange[0]} is no box of an earlier packing, and a box is to be written there. Move it '
                          'away, or give another --out.')
    room = int(limit_mib * MIB) - _FRAME
    boxes = fill([len(item.data) for item in items], room) if room > 0 else []
    if not boxes or len(boxes) > most:
        total = sum(len(item.data) for item in items)
        largest = sorted(items, key=lambda item: -len(item.data))[:6]
        shown = ', '.join(f'{item.name} {len(item.data) / MIB:.1f}' for item in largest)
        raise ConfigError(
            f'{total / MIB:.1f} MiB do not fit into {most} box{"es" if most > 1 else ""} of {limit_mib:g} MiB. The '
            f'largest, in MiB: {shown}. Leave out wheels that the other machine has, a data set or runs, or allow '
            f'--boxes {max(len(boxes), 1)}.')
    content = [dict(name=item.name, kind=item.kind, size=len(item.data),
                    sha256=hashlib.sha256(item.data).hexdigest()) for item in items]
    packing = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    pieces = [[dict(item=items[one].name, offset=at, box=number) for one, at, _ in box]
              for number, box in enumerate(boxes, start=1)]
    every = [piece for box in pieces for piece in box]
    written = []
    for old in earlier:
        shutil.rmtree(old)
    for number, box in enumerate(boxes, start=1):
        folder = out / f'box_{number}'
        folder.mkdir(parents=True)
        listed = []
        for index, (one, at, length) in enumerate(box):
            data = items[one].data[at:at + length]
            (folder / f'piece_{index}').write_bytes(data)
            listed.append(dict(file=f'piece_{index}', item=items[one].name, offset=at, size=length,
                               sha256=hashlib.sha256(data).hexdigest()))
        about = dict(format=1, packing=packing, box=number, boxes=len(boxes), pieces=listed, all_pieces=every,
                     items=content)
        (folder / 'box.json').write_text(json.dumps(about))
        shutil.copyfile(start, folder / 'start.py')
        written.append(folder)
    return written


def _is_strange(path: Path) -> bool:
    """Whether a file in a box is none that a packing, maybe a killed one, writes there."""
    return path.name not in ('box.json', 'start.py', '__pycache__') and not path.name.startswith('piece_')
