"""TLLCM, the tri-layer local contrast measure; targets are above mean + 5 sigma."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='TLLCM', cells=(3, 5, 7, 9), count=9),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
