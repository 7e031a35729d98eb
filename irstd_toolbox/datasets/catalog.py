"""The field's data sets by name: aliases, where their authors publish them, what a copy looks like, known counts.

Loads neither torch nor mmengine.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from irstd_toolbox.errors import DataError

__all__ = ['CATALOG', 'Card', 'find_card', 'missing_data', 'plain']


@dataclass(frozen=True)
class Card:
    """What is known about one data set before looking at the disk.

    Args:
        name: The name that results and messages use.
        home: Where its authors publish it.
        tree: What a copy looks like, for error messages.
        aliases: Other spellings of ``name``; case, dots, hyphens and underscores do not matter.
        images: Number of images, None if unknown.
        lists: Suffixes of split lists, in order of preference, where a folder holds several (``test_full.txt``).
        prefix: What the ids start with, if that tells the data set.
    """

    name: str
    home: str
    tree: str
    aliases: tuple[str, ...] = ()
    images: int | None = None
    lists: tuple[str, ...] = ()
    prefix: str | None = None

    def is_called(self, text: str) -> bool:
        """Whether ``text`` is one of this data set's spellings.

        Example:
            >>> find_card('irstd1k').is_called('IRSTD-1K')
            True
        """
        return plain(text) in {plain(alias) for alias in (self.name, *self.aliases)}


_PAIRS = 'images/ID.png, masks/ID.png'
CATALOG = (
    Card('NUAA-SIRST', 'https://github.com/YimianDai/sirst',
         'images/Misc_1.png, masks/Misc_1_pixels0.png, idx_427/{trainval,test}.txt '
         f'(or {_PAIRS}, img_idx/{{train,test}}_NUAA-SIRST.txt)',
         aliases=('SIRST', 'SIRST-v1', 'NUAA', 'NUAA_SIRST_v1'), images=427, prefix='Misc_'),
    Card('NUDT-SIRST', 'https://github.com/YeRen123455/Infrared-Small-Target-Detection (DNANet)',
         f'{_PAIRS}, 50_50/{{train,test}}.txt (or img_idx/{{train,test}}_NUDT-SIRST.txt)',
         aliases=('NUDT',), images=1327),
    Card('IRSTD-1k', 'https://github.com/RuiZhang97/ISNet',
         'IRSTD1k_Img/XDU0.png, IRSTD1k_Label/XDU0.png, trainval.txt, test.txt '
         f'(or {_PAIRS} with the same lists, or img_idx/{{train,test}}_IRSTD-1K.txt)',
         images=1001, prefix='XDU'),
    Card('SIRST-V2', 'https://github.com/YimianDai/open-sirst-v2',
         'mixed/ID.png, annotations/masks/ID_pixels0.png, splits/{trainval,test}_full.txt',
         aliases=('open-sirst-v2', 'NUAA-SIRST-v2'), images=1024, lists=('full',)),
    Card('SIRST-AUG', 'https://github.com/Tianfang-Zhang/AGPCNet',
         'trainval/{images,masks}/ID.png, test/{images,masks}/ID.png '
         '(or images/ID.png, masks/ID_mask.png, img_idx/{train,test}.txt)', images=9070),
    Card('LangIR-IRSTD-1k', 'the LGNet paper (appendix D); no public download is known to this toolbox',
         'LangIR_IRSTD-1k/{images/XDU0.png, masks/XDU0.png, descriptions/XDU0.description.txt, trainval.txt, test.txt}',
         images=1001),
    Card('LangIR-SIRST', 'the LGNet paper (appendix D); no public download is known to this toolbox',
         'LangIR_SIRST/{images/Misc_1.png, masks/Misc_1-pixels0.png, descriptions/Misc_1-description.txt, '
         'trainval.txt, test.txt}', aliases=('LangIR-NUAA-SIRST',), images=427),
    Card('SIRST3', 'https://github.com/XinyiYing/BasicIRSTD (NUAA-SIRST, NUDT-SIRST and IRSTD-1k in one folder)',
         f'{_PAIRS}, img_idx/{{train,test}}_SIRST3.txt', images=2755),
    Card('DenseSIRST', 'https://github.com/GrokCV/DenseSIRST',
         'PNGImages/ID.png, SIRST/BinaryMask/ID_pixels0.png, Splits/*.txt', images=1024, lists=('full', 'v2')),
    Card('NUST-SIRST', 'https://github.com/wanghuanphd/MDvsFA_cGAN',
         'training/000000_{1,2}.png (image, mask), test_org/00000.png, test_gt/00000.png',
         aliases=('NUST', 'MDFA', 'MDvsFA')),
    Card('IRDST', 'https://github.com/sun11999/RDIAN',
         f'{_PAIRS} (folders below images/ are kept in the ids), real/{{train,test}}.txt',
         aliases=('IRDST-real', 'IRDST-simulation')),
    Card('NUDT-SIRST-Sea',
         'https://github.com/TianhaoWu16/Multi-level-TransUNet-for-Space-based-Infrared-Tiny-ship-Detection (MTU-Net)',
         f'{_PAIRS}, idx_4961+847/{{train,test}}.txt', images=5808),
)
"""Every data set that is known by name. Any other folder works too, under whatever name it is given."""


def find_card(text: str | None) -> Card | None:
    """The data set that ``text`` spells, or None.

    Example:
        >>> find_card('sirst_v1').name, find_card('my-own')
        ('NUAA-SIRST', None)
    """
    return next((card for card in CATALOG if text and card.is_called(text)), None)


def missing_data(root: Path, name: str | None) -> DataError:
    """The error for a data set that is not where it was looked for (returned, not raised)."""
    if name and plain(name) == 'langir':
        cards = [card for card in CATALOG if card.name.startswith('LangIR')]
    else:
        cards = [card for card in [find_card(name) or find_card(root.absolute().name)] if card]
    title = ' / '.join(card.name for card in cards) or name or root.absolute().name
    expected = ' or '.join(card.tree for card in cards) or f'{_PAIRS}, and lists trainval.txt and test.txt'
    home = f' Its authors publish it at: {cards[0].home}.' if cards else ''
    state = 'holds none of its images' if root.is_dir() else 'is not a folder' if root.exists() else 'does not exist'
    return DataError(
        f'data set {title}: looked for it at {root.absolute()}, which {state}. Expected there: {expected}.{home} '
        'Put the data there, or give its folder as data_root; a layout of your own is described in docs/datasets.md.')


def plain(text: str) -> str:
    """``text`` without what spellings of a name differ in: case, dots, hyphens, underscores, spaces."""
    return re.sub(r'[^a-z0-9]', '', text.lower())
