"""Find out how a data set is laid out on disk: the field's folder layouts, and any folder of one's own.

The ids L1 to L14 are those of ``docs/datasets.md``. Loads neither torch nor mmengine.
"""

import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from irstd_toolbox.datasets.catalog import CATALOG, Card, find_card, missing_data, plain
from irstd_toolbox.datasets.indexing import Tree, build
from irstd_toolbox.datasets.inventory import TOLD_FOLDERS, Layout
from irstd_toolbox.datasets.scanning import MASK_SUFFIXES, find_folder, has_images
from irstd_toolbox.datasets.splits import card_of_lists, default_lists, find_lists
from irstd_toolbox.errors import ConfigError, DataError

__all__ = ['LAYOUTS', 'LAYOUT_FILE', 'Layout', 'detect']

LAYOUTS = {
    'L1': 'official SIRST: images/, masks/, idx_N/',
    'L2': 'open-sirst-v2: mixed/, annotations/masks/, splits/',
    'L3': 'SIRSTdevkit: PNGImages/, SIRST/BinaryMask/, Splits/',
    'L4': 'BasicIRSTD: images/, masks/, img_idx/ or train_NAME.txt',
    'L5': 'DNANet: images/, masks/, 50_50/',
    'L6': 'ISNet and MSHNet: images/, masks/, trainval.txt, test.txt',
    'L7': 'IRSTD-1k as zipped: IRSTD1k_Img/, IRSTD1k_Label/',
    'L8': 'folders for lists: trainval/ or train/, test/, each with images/ and masks/',
    'L9': 'SIRST-AUG: images/ID.png, masks/ID_mask.png, img_idx/',
    'L10': 'MDvsFA: training/ID_1.png, training/ID_2.png, test_org/, test_gt/',
    'L11': 'IRDST: images/, masks/, real/ or simulation/ with lists',
    'L12': 'NUDT-SIRST-Sea: images/, masks/, idx_N+M/',
    'L13': 'SIRST3: images/, masks/, img_idx/test_SIRST3.txt',
    'L14': 'LangIR: images/, masks/, descriptions/, trainval.txt, test.txt',
    'own': 'a folder of images, with or without masks, descriptions and lists',
}
"""Layout to what it looks like."""

LAYOUT_FILE = 'irstd_layout.json'
"""A data set of one's own tells its folders in this file, as the dict of :func:`detect` does."""

_IMAGES = ('images', 'image', 'imgs', 'img', 'IRSTD1k_Img', 'PNGImages', 'JPEGImages', 'mixed')
_MASKS = ('masks', 'mask', 'labels', 'label', 'gt', 'ground_truth', 'annotations/masks', 'IRSTD1k_Label')
_DESCRIPTIONS = ('descriptions', 'description')
_FIXED = {
    'L2': ('mixed', 'annotations/masks'),
    'L3': ('PNGImages', 'SIRST/BinaryMask'),
    'L7': ('IRSTD1k_Img', 'IRSTD1k_Label')}
_PARTS = {
    'trainval': ('trainval',),
    'train': ('train', 'training'),
    'val': ('val', 'validation'),
    'test': ('test', 'testing')}
# Which folder of lists makes images/ and masks/ which layout; the first that fits wins.
_BY_LISTS = {
    'L14': r'\.',
    'L1': r'idx_\d+',
    'L12': r'idx_\d+\+\d+',
    'L13': 'img_idx',
    'L9': 'img_idx',
    'L4': r'img_idx|\.',
    'L5': r'\d+_\d+',
    'L11': 'real|simulation',
    'L6': r'\.'}
_NAMES = {'L2': 'SIRST-V2', 'L10': 'NUST-SIRST', 'L12': 'NUDT-SIRST-Sea', 'L13': 'SIRST3'}
_TOLD = (*TOLD_FOLDERS, 'mask_suffix', 'splits')


def detect(root: str | Path, name: str | None = None, layout: str | Mapping = 'auto') -> Layout:
    """Find out how the data set at ``root`` is laid out, or take it as told.

    Args:
        root: The data set's folder, or one that holds it (then ``name`` says which, if there are several).
        name: The data set's name; None takes it from the folder, the lists or the ids.
        layout: ``'auto'``, which is as :data:`LAYOUT_FILE` tells where there is one; a key of :data:`LAYOUTS` to
            insist on; or a dict that tells ``images`` and, where there are any, ``masks``, ``descriptions`` (folders
            from ``root``; that of the descriptions need not be there yet), ``mask_suffix`` (without ``masks``: they
            lie beside the images) and ``splits`` (name to list file from ``root``; otherwise lists are looked for as
            in any layout).

    Raises:
        DataError: If there is no such data set (the message says where it was looked for, what is expected and where
            its authors publish it), or several, or :data:`LAYOUT_FILE` is none.
        ConfigError: If ``layout`` is not known, or the dict has other keys or values.
    """
    root = Path(root).expanduser()
    if not isinstance(layout, Mapping) and layout not in ('auto', *LAYOUTS):
        raise ConfigError(f'layout {layout!r} is not known. Known: auto, {", ".join(LAYOUTS)}; or a dict of '
                          f'{", ".join(_TOLD)}.')
    if not root.is_dir():
        raise missing_data(root, name)
    if isinstance(layout, Mapping):
        if wrong := _wrong(layout):
            raise ConfigError(f'layout: {wrong}')
        return _as_told(root, name, layout, 'layout')
    found = _at(root, name, layout) or _below(root, name, layout)
    if found is None and has_images(root):
        found = _read(root, name, Tree('own', {'': (root, root)}, _folders({'': root}, _DESCRIPTIONS), nested=False))
    if found is None or not found.images:
        raise missing_data(root, name)
    return found


def _at(root: Path, name: str | None, layout: str) -> Layout | None:
    """The data set in ``root`` itself."""
    if layout == 'auto' and (root / LAYOUT_FILE).is_file():
        return _as_told(root, name, _written(root / LAYOUT_FILE), LAYOUT_FILE)
    trees = list(_trees(root, name))
    if not trees:
        return None
    for tree in trees:
        if layout in ('auto', tree.layout):
            return _read(root, name, tree)
    seen = ' or '.join(tree.layout for tree in trees)
    raise DataError(f'{root}: layout {layout} was asked for ({LAYOUTS[layout]}), but what is there reads as {seen}. '
                    'Leave layout at auto, or tell the folders by a dict.')


def _below(root: Path, name: str | None, layout: str) -> Layout | None:
    """The data set in a folder below ``root``: the one called ``name``, or the only one there is."""
    folders = [entry for entry in sorted(root.iterdir())
               if entry.is_dir() and not entry.name.startswith('.') and entry.name != '__MACOSX']
    found = [folder for folder in folders if (folder / LAYOUT_FILE).is_file() or any(_trees(folder, name))]
    if name:
        found = _called(name, found)
    if len(found) > 1:
        raise DataError(f'{root}: holds several data sets ({", ".join(folder.name for folder in found)})'
                        f'{f", which {name!r} does not tell apart" if name else ""}. Give the folder of one, '
                        'or its name.')
    if not found:
        return _below(folders[0], name, layout) if len(folders) == 1 else None
    one = _at(found[0], name if find_card(name) else None, layout)
    return one and replace(one, notes=(*one.notes, f'found below {root}'))


def _called(name: str, folders: list[Path]) -> list[Path]:
    """Those of ``folders`` that carry ``name``; else those that carry no other data set's name."""
    card = find_card(name)
    exact = [folder for folder in folders
             if plain(folder.name) == plain(name) or (card and card.is_called(folder.name))]
    others = {folder: find_card(folder.name) for folder in folders}
    family = [folder for folder, other in others.items() if other and plain(other.name).startswith(plain(name))]
    return exact or (family if card is None else []) or [folder for folder in folders if others[folder] is None]


def _trees(root: Path, name: str | None) -> Iterator[Tree]:
    """Every reading of ``root``, the most telling first."""
    texts = _folders({'': root}, _DESCRIPTIONS)
    for layout, (images, masks) in _FIXED.items():
        places = find_folder(root, [images]), find_folder(root, [masks])
        if all(places):
            yield Tree(layout, {'': places}, texts)
    training, test = find_folder(root, ['training']), find_folder(root, ['test_org'])
    if training and test:
        yield Tree('L10', {'train': (training, training), 'test': (test, find_folder(root, ['test_gt']))}, texts,
                   image_suffix='_1', mask_suffixes=('_2', ''))
    places = {part: place for part, names in _PARTS.items() for place in [find_folder(root, names)] if place}
    parts = _folders(places, _IMAGES)
    if parts:
        yield Tree('L8', {part: (parts[part], find_folder(places[part], _MASKS)) for part in parts},
                   texts | _folders(places, _DESCRIPTIONS))
    images = find_folder(root, _IMAGES)
    if images is None:
        return
    own = Tree('own', {'': (images, find_folder(root, _MASKS) or images)}, texts)
    lists = find_lists(root)
    for layout, pattern in _BY_LISTS.items():
        folder = next((folder for folder in lists if re.fullmatch(pattern, folder, re.IGNORECASE)), None)
        if folder and _fits(layout, root, lists[folder], folder, own, name):
            yield replace(own, layout=layout)
    yield own


def _fits(layout: str, root: Path, lists: Mapping[str, Path], folder: str, tree: Tree, name: str | None) -> bool:
    """What must hold, beyond the folder of the lists, for ``layout`` to be the reading."""
    if layout == 'L14':
        return bool(tree.descriptions)
    if layout == 'L13':
        card = find_card(name) or find_card(root.name) or card_of_lists(lists)
        return card is not None and card.name == 'SIRST3'
    if layout == 'L9':
        masks = tree.parts[''][1]
        return masks is not None and any(path.stem.endswith('_mask') for path in masks.iterdir())
    if layout == 'L4' and folder == '.':  # otherwise it is L6
        return not {'train', 'trainval', 'test'} & set(lists)
    return True


def _read(root: Path, name: str | None, tree: Tree) -> Layout:
    """Index ``tree``; find its name and what the splits' names mean."""
    lists = {} if any(tree.parts) else find_lists(root)
    pattern = _BY_LISTS.get(tree.layout, '.*')
    chosen = next((folder for folder in lists if re.fullmatch(pattern, folder, re.IGNORECASE)), None)
    layout = build(tree, LAYOUTS[tree.layout], root, name or root.absolute().name, {})
    card = find_card(name)
    if card:
        _check_name(card, layout, root, lists)
    if card is None and name is None:
        card = find_card(root.absolute().name) or (card_of_lists(lists[chosen]) if chosen else None) or _guess(layout)
    notes = list(layout.notes)
    splits: dict[str, Path | tuple[str, ...]] = dict(layout.splits)
    if chosen:
        others = {f'{folder}/{stem}': path
                  for folder, stems in lists.items() if folder != chosen for stem, path in stems.items()}
        splits |= default_lists(lists[chosen], card) | lists[chosen] | others
        if others:
            notes.append(f'unqualified splits are those of {chosen}/')
    if card and card.images not in (None, len(layout.images)):
        notes.append(f'{card.name} was published with {card.images} images')
    return replace(layout, name=card.name if card else layout.name, splits=splits, notes=tuple(notes))


def _check_name(card: Card, layout: Layout, root: Path, lists: Mapping[str, Mapping[str, Path]]) -> None:
    """Refuse a name that the folder's name, or the ids and their number, contradict."""
    if card.name.startswith('LangIR') or any(card is card_of_lists({stem: path}) for several in lists.values()
                                             for stem, path in several.items()):
        return
    folder, by_ids = find_card(root.absolute().name), _by_prefix(layout)
    for seen, is_so, why in (
            (folder, folder and plain(folder.name) == plain(root.absolute().name), 'the folder is called so'),
            (by_ids, by_ids and by_ids.images == len(layout.images), f'all {len(layout.images)} ids are as its own')):
        if is_so and seen is not card:
            raise DataError(f'{root}: holds {seen.name} ({why}), and {card.name} was asked for. Give the folder of '
                            f'{card.name}, or name={seen.name!r}, or name=None.')
    strange = next((one for one in layout.images if card.prefix and not one.startswith(card.prefix)), None)
    if strange:
        warnings.warn(f'{root} is taken for {card.name}, as told, though ids such as {strange!r} are not its own '
                      f'({card.prefix}...); results will carry that name. Set name=None for other data.', stacklevel=2)


def _guess(layout: Layout) -> Card | None:
    """The data set that the layout itself, or the ids, tell."""
    if layout.layout in _NAMES:
        return find_card(_NAMES[layout.layout])
    return _by_prefix(layout)


def _by_prefix(layout: Layout) -> Card | None:
    return next((card for card in CATALOG if card.prefix and layout.images
                 and all(image_id.startswith(card.prefix) for image_id in layout.images)), None)


def _wrong(told: object) -> str:
    """What is wrong with what tells a layout, see :func:`detect`; nothing if it is right."""
    if not isinstance(told, Mapping) or 'images' not in told or set(told) - set(_TOLD):
        got = f'a dict with {", ".join(map(str, told)) or "nothing"}' if isinstance(told, Mapping) else repr(told)
        return f'{got}; expected images and, where there are any, {", ".join(_TOLD[1:])}.'
    splits = told.get('splits') or {}
    if not isinstance(splits, Mapping):
        return f"splits is {splits!r}; lists by their names, such as {{'test': 'lists/test.txt'}}, are expected."
    if 'all' in splits:
        return "splits names a list 'all', which is every image; expected another name. Rename it there."
    texts = {key: value for key, value in told.items() if key != 'splits'}
    texts |= {f'split {key}': value for key, value in splits.items()}
    return ' '.join(f'{key} is {value!r}; a text is expected.' for key, value in texts.items()
                    if not isinstance(value, str | Path) and not (value is None and key in _TOLD[1:]))


def _written(path: Path) -> Mapping:
    """What :data:`LAYOUT_FILE` tells."""
    try:
        told = json.loads(path.read_text(encoding='utf-8-sig'))
    except (OSError, ValueError) as error:
        raise DataError(f'{path}: cannot be read as JSON ({error}). Expected a dict such as '
                        '{"images": "pics", "masks": "truth"}.') from None
    if wrong := _wrong(told):
        raise DataError(f'{path}: {wrong}')
    return told


def _as_told(root: Path, name: str | None, told: Mapping, where: str) -> Layout:
    """The data set as a dict tells it, see :func:`detect`; ``where`` the dict stands."""
    places = {}
    for key in TOLD_FOLDERS:
        if told.get(key) is not None:
            places[key] = root / told[key]
            awaited = key == 'descriptions' and not os.path.lexists(places[key])
            if not (awaited or places[key].is_dir()):
                raise DataError(f'{places[key]}: no such folder. It was told as {where}[{key!r}] below {root}.')
    images, masks, told_texts = (places.get(key) for key in TOLD_FOLDERS)
    if masks.samefile(images) if masks else told.get('mask_suffix'):
        masks, told = images, {**told, 'masks': told['images']}
    texts = {'': told_texts} if told_texts else _folders({'': root}, _DESCRIPTIONS)
    suffixes = MASK_SUFFIXES if told.get('mask_suffix') is None else (told['mask_suffix'],)
    tree = Tree('own', {'': (images, masks)}, texts, mask_suffixes=suffixes)
    if told.get('splits') is None:
        found = _read(root, name, tree)
    else:
        card = find_card(name)
        splits = {split: root / path for split, path in told['splits'].items()}
        found = build(tree, '', root, card.name if card else name or root.absolute().name, splits)
    return replace(found, title='as told', told=told)


def _folders(places: Mapping[str, Path], names: tuple[str, ...]) -> dict[str, Path]:
    """Of every place the first folder called one of ``names``, where there is one."""
    return {part: found for part, place in places.items() for found in [find_folder(place, names)] if found}
