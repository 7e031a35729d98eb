"""The data doctor: what is wrong with a data set, what its targets are like, a mended copy, other forms of it.

:mod:`.audit` puts the parts together: :mod:`.reading` looks at every file once, :mod:`.lists` at the split lists,
:mod:`.duplicates` and :mod:`.leakage` at images that occur twice, :mod:`.statistics` at the targets. :mod:`.repair` and
:mod:`.exporting` write. Nothing here needs torch or mmengine, and nothing here writes into the data set it looks at.
"""
