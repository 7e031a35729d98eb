"""Trainings in short, offline time slots on another machine: packed here, run there, gathered and merged again.

``start.py`` is what a slot begins with; it runs before anything is installed and imports nothing of this package.
"""
