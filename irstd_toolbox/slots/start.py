"""Begin a slot on the machine that lends it: check and unpack what was carried in, install it, run the plan.

    python BOX/start.py --home slot_home --out OUT --minutes 9 --at-once 4

A file of a box of ``tools/slots.py pack``. It needs Python 3.10 and pip, no network, and nothing of the toolbox. Of
several boxes each is brought with a call of its own, in any order, while ``--home`` stays; the call that completes them
runs the plan. Options that are not described here go to ``tools/slots.py run``.
"""

import argparse
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

USER_ERROR = 2
_FIELDS = {
    '': dict(packing=str, box=int, boxes=int, pieces=list, all_pieces=list, items=list),
    'pieces': dict(file=str, item=str, offset=int, size=int, sha256=str),
    'all_pieces': dict(item=str, offset=int, box=int), 'items': dict(name=str, kind=str, sha256=str)}
"""What ``box.json`` holds, and each entry of its lists."""


class Unusable(Exception):
    """What was carried in cannot be used; the text says why and what to do."""


def receive(box: Path, home: Path) -> dict:
    """Copy the pieces of a box to their places in the files that they belong to.

    Args:
        box: The folder of the box.
        home: Where everything goes.

    Returns:
        The content of ``box.json``.

    Raises:
        Unusable: If a piece is missing or changed, or ``box.json`` is.

    Note:
        Where ``home`` is that of another packing, its items are removed, and its ``runs`` are set aside as ``runs_1``,
        ``runs_2``, ...: what is carried now is newer.
    """
    about = _content(box)
    folder, note = home / 'items', home / 'packing'
    if note.is_file() and note.read_text() != about['packing']:  # what an earlier packing brought is outdated
        shutil.rmtree(folder, ignore_errors=True)
        _set_aside(home / 'runs')
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(about['packing'])
    for piece in about['pieces']:
        path = box / piece['file']
        data = path.read_bytes() if path.is_file() else b''
        if hashlib.sha256(data).hexdigest() != piece['sha256']:
            raise Unusable(f'{path}: {len(data)} bytes that are not those that were packed '
                           f'({piece["size"]} bytes). Carry the box again.')
        target = folder / piece['item']
        with open(target, 'r+b' if target.is_file() else 'w+b') as file:
            file.seek(piece['offset'])
            file.write(data)
        folder.joinpath(f'.{piece["item"]}.{piece["offset"]}').touch()
    return about


def _content(box: Path) -> dict:
    try:
        about = json.loads((box / 'box.json').read_text())
        for part, kinds in _FIELDS.items():
            for one in about[part] if part else [about]:
                wrong = [f'{key} is {one[key]!r:.80}' for key, kind in kinds.items() if not isinstance(one[key], kind)]
                if wrong:
                    raise TypeError(wrong[0])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unusable(f'{box} is no box: box.json cannot be read ({type(error).__name__}: {error}). Carry the whole '
                       'folder again.') from None
    return about


def _set_aside(runs: Path) -> None:
    if runs.is_dir():
        place = next(path for number in itertools.count(1) for path in [runs.with_name(f'runs_{number}')]
                     if not path.exists())
        runs.rename(place)
        print(f'runs of an earlier packing are in {place} now; remove it if what came back of them was unpacked')


def absent(about: dict, home: Path) -> list[int]:
    """The numbers of the boxes that are still to come."""
    folder = home / 'items'
    return sorted({piece['box'] for piece in about['all_pieces']
                   if not (folder / f'.{piece["item"]}.{piece["offset"]}').is_file()})


def check(about: dict, home: Path) -> None:
    """Hold every file against its hash.

    Raises:
        Unusable: If one differs.
    """
    for item in about['items']:
        digest = hashlib.sha256((home / 'items' / item['name']).read_bytes()).hexdigest()
        if digest != item['sha256']:
            raise Unusable(f'{item["name"]} is not what was packed. Remove {home} and carry every box again.')


def install(wheels: list[Path], site: Path) -> None:
    """Install wheels into ``site`` without a network, once.

    Raises:
        Unusable: If pip cannot.
    """
    wanted = '\n'.join(sorted(path.name for path in wheels))
    done = site / '.installed'
    if not wheels or (done.is_file() and done.read_text() == wanted):
        return
    shutil.rmtree(site, ignore_errors=True)
    command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps', '--no-compile',
               '--no-cache-dir', '--disable-pip-version-check', '--target', str(site), *map(str, wheels)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise Unusable(f'pip cannot install the wheels: {(run.stderr.strip() or run.stdout.strip())[-1500:]}')
    done.write_text(wanted)


def unpack(archive: Path, folder: Path, digest: str) -> None:
    """Unpack the source, once for each content."""
    done = folder / '.unpacked'
    if done.is_file() and done.read_text() == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    done.write_text(digest)


def main(argv: list[str] | None = None) -> int:
    began = time.time()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--home', type=Path, required=True, metavar='DIR', help='where everything is unpacked')
    args, others = parser.parse_known_args(argv)
    box, home = Path(__file__).resolve().parent, args.home.absolute()
    about = receive(box, home)
    waiting = absent(about, home)
    if waiting:
        print(f'box {about["box"]} of {about["boxes"]} is here; still to come: {", ".join(map(str, waiting))}')
        return 0
    check(about, home)
    paths = {item['name']: home / 'items' / item['name'] for item in about['items']}
    install([path for path in paths.values() if path.suffix == '.whl'], home / 'site')
    source = next(item for item in about['items'] if item['kind'] == 'source')
    unpack(paths[source['name']], home / 'source', source['sha256'])
    known = os.environ.get('PYTHONPATH')
    path = os.pathsep.join([str(home / 'site'), str(home / 'source'), *([known] if known else [])])
    print(f'unpacked and installed in {time.time() - began:.1f} s', flush=True)
    command = [sys.executable, str(home / 'source' / 'tools' / 'slots.py'), 'run', str(home), '--began', str(began)]
    os.environ['PYTHONPATH'] = path
    sys.stdout.flush()
    return os.execv(sys.executable, [*command, *others])


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Unusable as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(USER_ERROR)
