"""Max-mean filter; targets are above half the range of responses."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='MaxMean', size=15),
    threshold=dict(type='FixedThreshold', share=0.5))
