"""LIG, local intensity and gradient; targets are above mean + 5 sigma."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='LIG', window=11, ratio=0.2),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
