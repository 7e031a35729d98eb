"""Top-hat filter; targets are above half the range of responses."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='TopHat', size=5),
    threshold=dict(type='FixedThreshold', share=0.5))
