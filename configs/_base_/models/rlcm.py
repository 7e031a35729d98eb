"""RLCM, the multiscale relative local contrast measure; targets are above mean + 5 sigma."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='RLCM', cell=9, counts=((2, 4), (5, 9), (9, 16))),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
