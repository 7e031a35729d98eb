"""Metrics, named protocols and prediction files.

Empty on purpose: :mod:`.functional`, :mod:`.protocols`, :mod:`.results` and :mod:`.prediction_io` need neither torch
nor mmengine, and importing them must not bring either in. The METRICS registry finds its components in :mod:`.metrics`
and :mod:`.retrieval`.
"""
