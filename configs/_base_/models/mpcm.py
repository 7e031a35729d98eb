"""MPCM, the multiscale patch-based contrast measure; targets are above mean + 5 sigma."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='MPCM', cells=(3, 5, 7, 9)),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
