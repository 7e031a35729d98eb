"""What the doctor can find: every kind once, with its weight and its meaning."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ['KINDS', 'Finding', 'Kind', 'found']


@dataclass(frozen=True)
class Kind:
    """A kind of finding.

    Args:
        meaning: What it is, for the table of the report.
        defect: Whether it makes the exit status 1; else it is a note.
        mended: Whether ``--fix`` takes it away.
    """

    meaning: str
    defect: bool = True
    mended: bool = False


KINDS = {
    'unreadable': Kind('files that cannot be decoded, or masks whose values cannot be told apart', mended=True),
    'size-mismatch': Kind('masks of another size than their image', mended=True),
    'grey-mask': Kind('masks with values between background and target', mended=True),
    'missing-mask': Kind('images without mask', mended=True),
    'orphan-mask': Kind('masks without image', mended=True),
    'list-unreadable': Kind('split lists that are no text or name nothing', mended=True),
    'list-crlf': Kind('split lists with CRLF line ends', mended=True),
    'list-no-final-newline': Kind('split lists without a last line break: line counts come out one short', mended=True),
    'list-decoration': Kind('split lists with a byte order mark, blank lines, extensions or folders', mended=True),
    'list-unknown-id': Kind('ids on a split list that have no image', mended=True),
    'list-repeated-id': Kind('ids that a split list names more than once', mended=True),
    'split-overlap': Kind('ids on both the training and the test list (or train and val)'),
    'duplicate-across-splits': Kind('pairs of equal images, one to train and one to test on'),
    'near-duplicate-across-splits': Kind('pairs of nearly equal images, one to train and one to test on'),
    'leak': Kind('images to test on here that are trained on there, or the reverse'),
    'constant-mismatch': Kind('figures that differ from the known ones'),
    'duplicate': Kind('further pairs of equal images', defect=False),
    'cross-list-overlap': Kind('lists that test on ids which those of another folder train on', defect=False),
    'shared-images': Kind('further images that the other data set has too', defect=False),
    'empty-mask': Kind('masks without target', defect=False),
    'no-masks': Kind('a data set without masks', defect=False),
    'unlisted': Kind('images on no split list', defect=False),
    'image-modes': Kind('images in more than one mode', defect=False),
    'unequal-channels': Kind('images whose colour channels differ: luma, mean and first channel are three inputs',
                             defect=False),
    'mask-modes': Kind('masks in more than one mode', defect=False),
    'foreign-file': Kind('files that are no part of the data set', defect=False),
}
"""Kind to what it means, defects first."""


@dataclass(frozen=True)
class Finding:
    """One kind of finding in a data set.

    Args:
        kind: A key of :data:`KINDS`.
        items: What it was found on, each once: an id, a file below the data set, a pair, a figure.
    """

    kind: str
    items: tuple[str, ...]

    @property
    def defect(self) -> bool:
        """Whether it is a defect and not a note."""
        return KINDS[self.kind].defect


def found(kind: str, items: Iterable[str]) -> list[Finding]:
    """The finding of a kind, or none where there are no items.

    Example:
        >>> found('empty-mask', ['XDU0'])[0].defect, found('empty-mask', [])
        (False, [])
    """
    items = tuple(items)
    return [Finding(kind, items)] if items else []
