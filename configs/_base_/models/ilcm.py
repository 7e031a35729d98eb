"""ILCM, the improved local contrast measure; targets are above mean + 5 sigma."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='ILCM', block=8, step=4),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
