"""Multiscale Laplacian of Gaussian; targets are above half the range of responses."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='MSLoG', sigmas=(1.0, 1.5, 2.0, 2.5, 3.0)),
    threshold=dict(type='FixedThreshold', share=0.5))
