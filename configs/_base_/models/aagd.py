"""AAGD, the absolute average gray difference; targets are above mean + 5 sigma."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='AAGD', inner=(3, 5, 7, 9), outer=19),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
