"""HB-MLCM, the high-boost-based multiscale local contrast measure; targets are above mean + 5 sigma."""

model = dict(
    type='ModelDrivenDetector',
    method=dict(type='HBMLCM', inner=(3, 5, 7, 9), outer=15, boost=9),
    threshold=dict(type='AdaptiveThreshold', k=5.0))
