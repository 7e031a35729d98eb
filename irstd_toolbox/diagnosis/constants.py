"""What is known of complete copies: images, targets and target pixels, to hold a copy against."""

from dataclasses import dataclass

__all__ = ['KNOWN', 'Known', 'compare']


@dataclass(frozen=True)
class Known:
    """The figures of one split.

    Args:
        dataset: Name in the catalogue.
        role: ``all``, ``training`` or ``test``.
        images: Images; tells splits of one role apart.
        targets: 8-connected regions, masks above half and aligned.
        foreground: Target pixels; None if not known.
        lists: Whose split it is.
    """

    dataset: str
    role: str
    images: int
    targets: int
    foreground: int | None = None
    lists: str = ''


KNOWN = (
    Known('NUAA-SIRST', 'all', 427, 533, 17521),
    Known('NUAA-SIRST', 'training', 341, 424, 14147, 'idx_427'),
    Known('NUAA-SIRST', 'training', 256, 327, 10827, 'idx_427'),
    Known('NUAA-SIRST', 'training', 224, 263, 7955, 'idx_320'),
    Known('NUAA-SIRST', 'test', 86, 109, 3374, 'idx_427'),
    Known('NUAA-SIRST', 'test', 96, 102, 3156, 'idx_320'),
    Known('NUAA-SIRST', 'test', 214, 263, 8388, 'BasicIRSTD and DNANet'),
    Known('IRSTD-1k', 'all', 1001, 1492, 74983),
    Known('IRSTD-1k', 'training', 800, 1195, 60449),
    Known('IRSTD-1k', 'test', 201, 297, 14534),
    Known('NUDT-SIRST', 'all', 1327, 1863),
    Known('NUDT-SIRST', 'test', 664, 945, 28315),
    Known('SIRST-V2', 'all', 1024, 648),
    Known('SIRST-V2', 'test', 256, 150),
)
"""Complete copies with their defects; ``Misc_111`` of NUAA-SIRST is resampled to its image."""


def compare(dataset: str, role: str, images: int, targets: int, foreground: int) -> tuple[str, list[str]]:
    """Hold a split's figures against the known ones.

    Returns:
        ``match``, ``mismatch`` or, where nothing is known of such a split, ``unknown``; and every figure that differs.

    Example:
        >>> compare('IRSTD-1k', 'test', 201, 297, 14547)
        ('mismatch', ['14547 target pixels, known are 14534'])
        >>> compare('IRSTD-1k', 'test', 200, 290, 14000)
        ('unknown', [])
    """
    known = [one for one in KNOWN if (one.dataset, one.role) == (dataset, role)]
    same = next((one for one in known if one.images == images), None)
    if same is None:
        if role != 'all' or not known:
            return 'unknown', []
        return 'mismatch', [f'{images} images, known are {known[0].images}']
    pairs = (('targets', targets, same.targets), ('target pixels', foreground, same.foreground))
    wrong = [f'{have} {what}, known are {want}' for what, have, want in pairs if want not in (None, have)]
    return ('mismatch' if wrong else 'match'), wrong
