"""Trained models at work: on single images (:mod:`.predictor`) and over a data set with metrics (:mod:`.testing`)."""

from .predictor import Detection, Predictor, Target, find_targets

__all__ = ['Detection', 'Predictor', 'Target', 'find_targets']
