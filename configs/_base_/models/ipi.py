"""IPI, infrared patch-image; a pixel is a target above mean + 5 standard deviations of its image."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='IPI', patch=50, step=10),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
