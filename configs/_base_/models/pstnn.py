"""PSTNN, partial sum of the tensor nuclear norm; a pixel is a target above mean + 5 deviations of its image."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='PSTNN', patch=40, step=40),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
