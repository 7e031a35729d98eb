"""In which unit a metric is shown, and which of two values is the better one."""

__all__ = ['lower_is_better', 'scale_of', 'unit_of']

_MILLIONTHS = ('Fa', 'Fa_pooled', 'pixel_FPR')
_PLAIN = ('false_alarm_regions_per_image',)
_SHARES = ('IoU', 'nIoU', 'Pd', 'Pd_pooled', 'precision', 'recall', 'F1', 'mIoU', 'mAcc', 'aAcc')


def lower_is_better(metric: str) -> bool | None:
    """Whether a metric counts errors; None of one that is not known here.

    Example:
        >>> lower_is_better('Fa'), lower_is_better('Pd_pooled'), lower_is_better('mine')
        (True, False, None)
    """
    return True if metric in _MILLIONTHS + _PLAIN else False if metric in _SHARES else None


def scale_of(metric: str) -> float:
    """By what a fraction is multiplied before it is shown; of a metric that is not known here 100."""
    return 1e6 if metric in _MILLIONTHS else 1.0 if metric in _PLAIN else 100.0


def unit_of(metric: str) -> str:
    """The metric's name with its unit, as a heading.

    Example:
        >>> unit_of('IoU'), unit_of('Fa')
        ('IoU, %', 'Fa, 1e-6')
    """
    return metric + {1e6: ', 1e-6', 1.0: '', 100.0: ', %'}[scale_of(metric)]
