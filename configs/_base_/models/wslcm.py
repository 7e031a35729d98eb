"""WSLCM, the weighted strengthened local contrast measure; targets are above mean + 5 sigma."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='WSLCM', cells=(5, 7, 9, 11), count=9, xi=5.0),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
