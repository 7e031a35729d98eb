"""LCM, the local contrast measure; targets are above mean + 5 sigma."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='LCM', cells=(3, 5, 7, 9)),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
