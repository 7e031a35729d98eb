"""RIPT, reweighted infrared patch-tensor; a pixel is a target above mean + 5 standard deviations of its image."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='RIPT', patch=30, step=10),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
